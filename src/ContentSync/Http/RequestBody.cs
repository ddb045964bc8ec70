using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>Reads a JSON body within a limit, before anything parses it.</summary>
internal static class RequestBody
{
    /// <param name="request">Its media type must be application/json or end in +json.</param>
    /// <param name="limit">Most bytes.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The body, or the 413 or 415 to answer with.</returns>
    public static async ValueTask<(ReadOnlyMemory<byte> Body, IResult? Refusal)> ReadAsync(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsJson(request.ContentType))
            return (default, Problem.Of(StatusCodes.Status415UnsupportedMediaType, "Not JSON.", $"Content-Type is '{request.ContentType}'; send application/json in UTF-8."));
        return await ReadRawAsync(request, limit, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>As <see cref="ReadAsync"/>, whatever the media type.</summary>
    public static async ValueTask<(ReadOnlyMemory<byte> Body, IResult? Refusal)> ReadRawAsync(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit) return (default, TooLarge(limit));

        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = read.Buffer;
            if (buffer.Length > limit) return (default, TooLarge(limit));
            if (read.IsCompleted)
            {
                var body = buffer.ToArray();
                reader.AdvanceTo(buffer.End);
                return (body, null);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static ProblemHttpResult TooLarge(int limit) =>
        Problem.Of(StatusCodes.Status413PayloadTooLarge, "Too large.", $"The body has more than {limit} bytes, the most that is accepted.");
}
