using System.Net;
using ContentSync.Budget;

namespace ContentSync.AlipayHk;

/// <summary>A request's content: exactly the bytes that are signed, written to the socket without a copy.</summary>
internal sealed class ExactBody : HttpContent
{
    public ExactBody(ReadOnlyMemory<byte> bytes, string contentType)
    {
        Bytes = bytes;
        Headers.TryAddWithoutValidation("Content-Type", contentType);
    }

    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The claim on the app's probe that the request needs to leave; null unless it is one.</summary>
    public ProbeClaim? Probe { get; init; }

    /// <summary>Set by the signing handler when it passes the request on. From then on, AlipayHK may have received it.</summary>
    public bool WasSent { get; set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        stream.WriteAsync(Bytes, cancellationToken).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = Bytes.Length;
        return true;
    }
}
