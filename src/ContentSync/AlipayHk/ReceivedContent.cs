using System.Net;
using System.Net.Http.Headers;

namespace ContentSync.AlipayHk;

/// <summary>A response's content after <see cref="ResponseVerificationHandler"/>: the raw bytes and the result of their verification.</summary>
internal sealed class ReceivedContent(ReadOnlyMemory<byte> bytes, ResponseCheck check, bool tooLarge) : HttpContent
{
    /// <summary>The raw Content-Type header; null without one.</summary>
    public string? ContentType { get; init; }

    /// <summary>Empty if the response is too large.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public ResponseCheck Check { get; } = check;

    /// <summary>Reading stopped at the limit; the signature was not checked.</summary>
    public bool TooLarge { get; } = tooLarge;

    /// <summary>The charset that Content-Type names if it is not UTF-8; null if it is, or if it names none.</summary>
    public string? ForeignCharset()
    {
        // Nearly every response has this header; the comparison saves parsing it.
        if (string.Equals(ContentType, WireHeaders.JsonContentType, StringComparison.OrdinalIgnoreCase)) return null;
        if (!MediaTypeHeaderValue.TryParse(ContentType, out var type) || type.CharSet is not { } charset) return null;
        return charset.Trim('"').ToUpperInvariant() is "UTF-8" or "UTF8" ? null : charset;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(Bytes).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = Bytes.Length;
        return true;
    }
}
