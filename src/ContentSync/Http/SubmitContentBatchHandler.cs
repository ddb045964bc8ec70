using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content/batch: many contents, as a JSON array or one per line (NDJSON). Each is accepted into the ledger and enqueued, or
/// refused by itself. Read as it arrives; memory grows with the answer only.
/// </summary>
public sealed class SubmitContentBatchHandler(CatalogReader reader, ContentSynchronizer synchronizer, ISyncQueue queue, TimeProvider time)
{
    /// <summary>Most bytes of one request.</summary>
    public const int MaxBodyBytes = 32 * 1024 * 1024;

    /// <summary>Most items of one request.</summary>
    public const int MaxItems = 10_000;

    private const int ChunkSize = 256;
    private const string LedgerWaitSeconds = "10";

    /// <returns>
    /// 200 with a result for each item, 400 where the body cannot be read to its end, 413 too large, 415 neither JSON nor NDJSON,
    /// 503 with Retry-After where the ledger cannot be reached. An answer other than 200 carries the results so far; sending the
    /// whole batch again is safe.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!IsBatch(request.ContentType))
            return Problem.Of(StatusCodes.Status415UnsupportedMediaType, "Neither JSON nor NDJSON.", $"Content-Type is '{request.ContentType}'; send application/json or application/x-ndjson in UTF-8.");
        if (request.ContentLength > MaxBodyBytes) return Stopped([], TooLarge);
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBodyBytes;

        var results = new List<BatchItemResult>();
        var sound = new List<(int Index, ContentItem Item)>(ChunkSize);
        try
        {
            var stop = await ReadAsync(request.Body, results, sound, cancellationToken).ConfigureAwait(false);
            await AcceptAsync(results, sound, cancellationToken).ConfigureAwait(false);
            return stop is null ? Results.Json(BatchResult.Of(results), ApiJson.Default.BatchResult) : Stopped(results, stop);
        }
        catch (LedgerUnavailableException e)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerWaitSeconds;
            return Stopped(results, new Stop(StatusCodes.Status503ServiceUnavailable, "The ledger cannot be reached.", e.Message + " Send the batch again later."));
        }
    }

    private static Stop TooLarge => new(
        StatusCodes.Status413PayloadTooLarge,
        "Too large.",
        string.Create(CultureInfo.InvariantCulture, $"A batch may have {MaxItems:N0} items and {MaxBodyBytes:N0} bytes. Send the rest in another one."));

    /// <summary>Reads to the end, and accepts whenever a chunk is full; the last chunk is left in <paramref name="sound"/>.</summary>
    /// <returns>Why it could not be read to its end; null where it was.</returns>
    private async Task<Stop?> ReadAsync(Stream body, List<BatchItemResult> results, List<(int Index, ContentItem Item)> sound, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var entry in reader.ReadAsync(body, cancellationToken).ConfigureAwait(false))
            {
                if (results.Count == MaxItems) return TooLarge;
                if (entry.Result.Item is { } item) sound.Add((results.Count, item));
                results.Add(BatchItemResult.Read(results.Count, entry.Result));
                if (sound.Count == ChunkSize) await AcceptAsync(results, sound, cancellationToken).ConfigureAwait(false);
            }

            return null;
        }
        catch (CatalogFormatException e)
        {
            return new Stop(StatusCodes.Status400BadRequest, "The batch cannot be read to its end.", e.Message);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return TooLarge;
        }
    }

    private async Task AcceptAsync(List<BatchItemResult> results, List<(int Index, ContentItem Item)> sound, CancellationToken cancellationToken)
    {
        if (sound.Count == 0) return;
        var acceptances = await synchronizer.AcceptAsync(sound.ConvertAll(entry => entry.Item), time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        var wakes = new List<SyncMessage>(sound.Count);
        for (var i = 0; i < sound.Count; i++)
        {
            var (kind, record) = acceptances[i];
            results[sound[i].Index] = results[sound[i].Index] with { Result = BatchItemResult.Spelled(kind) };
            if (kind is AcceptanceKind.Accepted) wakes.Add(new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero));
        }

        sound.Clear();
        try
        {
            if (wakes.Count > 0) await queue.EnqueueAsync(wakes, cancellationToken).ConfigureAwait(false);
        }
        catch (QueueUnavailableException)
        {
            // They are in the ledger: the sweep will find them.
        }
    }

    private static bool IsBatch(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("application/x-ndjson", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("application/jsonl", StringComparison.OrdinalIgnoreCase))
        && (!type.Charset.HasValue || type.Charset.Value!.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    private static ProblemHttpResult Stopped(List<BatchItemResult> results, Stop stop) => TypedResults.Problem(new ProblemDetails
    {
        Status = stop.Status,
        Title = stop.Title,
        Detail = stop.Detail,
        Extensions = { ["items"] = results.ToArray() },
    });

    private sealed record Stop(int Status, string Title, string Detail);
}

/// <summary>Answer to a batch.</summary>
/// <param name="Counts">Items by result.</param>
/// <param name="Items">In the order of the batch.</param>
public sealed record BatchResult(IReadOnlyDictionary<string, int> Counts, IReadOnlyList<BatchItemResult> Items)
{
    internal static BatchResult Of(IReadOnlyList<BatchItemResult> items) =>
        new(items.CountBy(item => item.Result).ToDictionary(StringComparer.Ordinal), items);
}

/// <summary>What became of one item of a batch.</summary>
/// <param name="Index">Its place in the batch, from 0.</param>
/// <param name="ContentId">Where one could be read.</param>
/// <param name="Result">accepted, alreadyPending, unchanged, superseded, revisionConflict, parked, invalid; notAccepted where the ledger could not be reached.</param>
/// <param name="Errors">Set where it is invalid.</param>
public sealed record BatchItemResult(int Index, string? ContentId, string Result, IReadOnlyList<ProblemError>? Errors)
{
    internal static BatchItemResult Read(int index, ContentReadResult read) => read.Item is null
        ? new BatchItemResult(index, read.ContentId, "invalid", [.. read.Violations.Select(violation => new ProblemError(violation.Pointer, violation.Code, violation.Message))])
        : new BatchItemResult(index, read.ContentId, "notAccepted", null);

    internal static string Spelled(AcceptanceKind kind)
    {
        var name = kind.ToString();
        return char.ToLowerInvariant(name[0]) + name[1..];
    }
}
