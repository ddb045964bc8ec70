using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.AlipayHk;

/// <summary>
/// The request body of Synchronize Content, serialized once: every attempt hashes, signs and sends these same bytes.
/// </summary>
public static class SynchronizeRequest
{
    private const int FixedPartsEstimate = 192;

    // The default encoder escapes quotes, +, <, >, & and all CJK as \u sequences: valid, but three to six times as long.
    private static readonly JsonWriterOptions Relaxed = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private static ReadOnlySpan<byte> Opening => "{\"requestId\":\""u8;

    /// <summary>
    /// Writes the body: requestId first, so that <see cref="WithRequestId"/> finds it; contentStatus as a JSON number; contentInfo as
    /// a JSON string.
    /// </summary>
    /// <param name="item">A validated item.</param>
    /// <param name="requestId">Exactly <see cref="RequestIdSource.Length"/> hex digits.</param>
    /// <exception cref="ArgumentException">The request id is not valid.</exception>
    public static ReadOnlyMemory<byte> Prepare(ContentItem item, string requestId)
    {
        RequireValid(requestId);
        var contentInfo = item.ContentInfo.Span;
        var capacity = FixedPartsEstimate + item.ContentId.Length + contentInfo.Length + contentInfo.Length / 4;
        var buffer = new ArrayBufferWriter<byte>(capacity);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
        {
            writer.WriteStartObject();
            writer.WriteString("requestId"u8, requestId);
            writer.WriteString("contentId"u8, item.ContentId);
            writer.WriteString("contentType"u8, item.ContentType);
            writer.WriteNumber("contentStatus"u8, (int)item.ContentStatus);
            writer.WriteString("contentInfo"u8, contentInfo);
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Copies a body from <see cref="Prepare"/> and replaces only the request id.</summary>
    /// <exception cref="ArgumentException">The body does not begin with a request id, or the new request id is not valid.</exception>
    public static ReadOnlyMemory<byte> WithRequestId(ReadOnlyMemory<byte> body, string requestId)
    {
        RequireValid(requestId);
        var span = body.Span;
        var end = Opening.Length + RequestIdSource.Length;
        if (span.Length <= end || !span.StartsWith(Opening) || span[end] != (byte)'"')
        {
            throw new ArgumentException(
                "The body does not begin with a requestId of 32 characters, so SynchronizeRequest.Prepare did not create it.",
                nameof(body));
        }

        var copy = body.ToArray();
        Encoding.ASCII.GetBytes(requestId, copy.AsSpan(Opening.Length, RequestIdSource.Length));
        return copy;
    }

    private static void RequireValid(string requestId)
    {
        if (requestId.Length != RequestIdSource.Length || !requestId.AsSpan().ContainsOnlyHex())
        {
            throw new ArgumentException(
                $"A requestId must be {RequestIdSource.Length} hex digits; this one has {requestId.Length} characters.",
                nameof(requestId));
        }
    }

    private static bool ContainsOnlyHex(this ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            if (!char.IsAsciiHexDigit(character)) return false;
        }

        return true;
    }
}
