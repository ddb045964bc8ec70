using System.Net;

namespace ContentSync.AlipayHk;

/// <summary>A response's content after <see cref="ResponseVerificationHandler"/>: the raw bytes and the result of their verification.</summary>
internal sealed class ReceivedContent(ReadOnlyMemory<byte> bytes, ResponseCheck check, bool tooLarge) : HttpContent
{
    /// <summary>Empty if the response is too large.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public ResponseCheck Check { get; } = check;

    /// <summary>Reading stopped at the limit; the signature was not checked.</summary>
    public bool TooLarge { get; } = tooLarge;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(Bytes).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = Bytes.Length;
        return true;
    }
}
