using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.AlipayHk;

/// <summary>
/// The request body of Synchronize Content, serialised once: the bytes made here are hashed, signed and sent on every attempt.
/// </summary>
public static class SynchronizeRequest
{
    private const int FixedPartsEstimate = 192;

    // The default encoder writes \u escapes for quotes, +, <, >, & and all CJK: valid, and three to six times as long.
    private static readonly JsonWriterOptions Relaxed = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private static ReadOnlySpan<byte> Opening => "{\"requestId\":\""u8;

    /// <summary>Writes the body: requestId first, so that <see cref="WithRequestId"/> finds it; contentStatus as a JSON number; contentInfo as a JSON string.</summary>
    /// <param name="item">The validated content.</param>
    /// <param name="requestId">Exactly <see cref="RequestIdSource.Length"/> ASCII characters.</param>
    /// <exception cref="ArgumentException">The request id has another length.</exception>
    public static ReadOnlyMemory<byte> Prepare(ContentItem item, string requestId)
    {
        Require(requestId);
        var contentInfo = item.ContentInfo.Span;
        var buffer = new ArrayBufferWriter<byte>(FixedPartsEstimate + item.ContentId.Length + contentInfo.Length + contentInfo.Length / 4);
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

    /// <summary>A copy of a body that <see cref="Prepare"/> made, with another request id and not one other byte changed.</summary>
    /// <exception cref="ArgumentException">The body does not begin with a request id, or the new one has another length.</exception>
    public static ReadOnlyMemory<byte> WithRequestId(ReadOnlyMemory<byte> body, string requestId)
    {
        Require(requestId);
        var span = body.Span;
        var end = Opening.Length + RequestIdSource.Length;
        if (span.Length <= end || !span.StartsWith(Opening) || span[end] != (byte)'"')
        {
            throw new ArgumentException("The body does not begin with a requestId of 32 characters, so it was not made by SynchronizeRequest.Prepare.", nameof(body));
        }

        var copy = body.ToArray();
        Encoding.ASCII.GetBytes(requestId, copy.AsSpan(Opening.Length, RequestIdSource.Length));
        return copy;
    }

    private static void Require(string requestId)
    {
        if (requestId.Length != RequestIdSource.Length || !requestId.AsSpan().ContainsOnlyHex())
        {
            throw new ArgumentException($"A requestId is {RequestIdSource.Length} hex digits, not {requestId.Length} characters of another kind.", nameof(requestId));
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
