using System.Net;

namespace ContentSync.AlipayHk;

/// <summary>A response's content after <see cref="ResponseVerificationHandler"/>: the raw bytes, and what the check of their signature came to.</summary>
internal sealed class ReceivedContent(ReadOnlyMemory<byte> bytes, ResponseCheck check, bool tooLarge) : HttpContent
{
    /// <summary>Empty where the answer was too large.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public ResponseCheck Check { get; } = check;

    /// <summary>Reading stopped at the limit and nothing was checked.</summary>
    public bool TooLarge { get; } = tooLarge;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(Bytes).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = Bytes.Length;
        return true;
    }
}
