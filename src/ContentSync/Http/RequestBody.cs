using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>Reads a request body up to a limit, before anything parses it.</summary>
internal static class RequestBody
{
    /// <summary>Reads a body of type application/json or a type with the suffix +json.</summary>
    /// <returns>The body of at most <paramref name="maxBytes"/> bytes, or a 413 or 415.</returns>
    public static async ValueTask<(ReadOnlyMemory<byte> Body, IResult? Error)> ReadAsync(
        HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        return MediaTypes.IsJson(request.ContentType)
            ? await ReadRawAsync(request, maxBytes, cancellationToken).ConfigureAwait(false)
            : (default, Problem.Of(
                StatusCodes.Status415UnsupportedMediaType,
                "Not JSON.",
                $"Content-Type is '{request.ContentType}'; send application/json in UTF-8."));
    }

    /// <summary>Like <see cref="ReadAsync"/>, for any media type.</summary>
    public static async ValueTask<(ReadOnlyMemory<byte> Body, IResult? Error)> ReadRawAsync(
        HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (request.ContentLength > maxBytes) return (default, TooLarge(maxBytes));
        if (IsEncoded(request)) return (default, Compressed);

        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = read.Buffer;
            if (buffer.Length > maxBytes) return (default, TooLarge(maxBytes));
            if (read.IsCompleted)
            {
                var body = buffer.ToArray();
                reader.AdvanceTo(buffer.End);
                return IsGzip(body) ? (default, Compressed) : (body, null);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>A few bytes could expand to many, so no route takes a compressed body.</summary>
    public static ProblemHttpResult Compressed => Problem.Of(StatusCodes.Status415UnsupportedMediaType, CompressedTitle, CompressedDetail);

    public const string CompressedTitle = "Compressed.";

    public const string CompressedDetail = "The body is compressed, as with gzip; send it uncompressed, without the header Content-Encoding.";

    /// <summary>Whether the headers say that the body is compressed.</summary>
    public static bool IsEncoded(HttpRequest request) =>
        request.Headers.ContentEncoding.Any(encoding => encoding?.Trim() is { Length: > 0 } name && name != "identity");

    /// <summary>Whether a body starts as gzip does.</summary>
    public static bool IsGzip(ReadOnlySpan<byte> start) => start is [0x1F, 0x8B, ..];

    private static ProblemHttpResult TooLarge(int maxBytes) =>
        Problem.Of(StatusCodes.Status413PayloadTooLarge, "Too large.", $"The body exceeds the limit of {maxBytes} bytes.");
}
