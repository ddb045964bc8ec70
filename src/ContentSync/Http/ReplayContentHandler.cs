using System.Text.Json;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>POST /api/content/{contentId}/replay: sends one parked content again, unchanged.</summary>
public sealed class ReplayContentHandler(ISyncLedger ledger, ISyncQueue queue)
{
    /// <returns>202 with where it stands, 404 not known, 409 not parked, 503 where the ledger cannot be reached.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, string contentId, CancellationToken cancellationToken)
    {
        try
        {
            if (await ledger.ReplayAsync(contentId, cancellationToken).ConfigureAwait(false) is { } record)
            {
                await queue.WakeAsync([new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)], cancellationToken).ConfigureAwait(false);
                request.HttpContext.Response.Headers.Location = SubmitContentHandler.StatusPath + Uri.EscapeDataString(record.ContentId);
                return Results.Json(ContentState.Of(record), ApiJson.Answers.ContentState, statusCode: StatusCodes.Status202Accepted);
            }

            return await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } current
                ? Problem.Of(StatusCodes.Status409Conflict, "Not parked.", $"'{contentId}' is {Spelling.Of(current.State)}; only what is parked can be replayed.")
                : Problem.NoSuchContent(contentId);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }
}

/// <summary>POST /api/content/replay: sends the parked contents that match a filter again, or with <c>dryRun</c> counts them.</summary>
public sealed class ReplayFilteredHandler(ISyncLedger ledger, ISyncQueue queue)
{
    /// <summary>Most contents of one call.</summary>
    public const int MaxLimit = 10_000;

    private const int MaxBodyBytes = 16 * 1024;
    private const int ChunkSize = 256;
    private const int MostIdsNamed = 100;

    /// <returns>200 for a dry run, 202 otherwise, with what matched; 400, 413 or 415 for a body that is not understood, 503 where the ledger cannot be reached.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, refusal) = await RequestBody.ReadAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        ReplayRequest wish;
        try
        {
            wish = JsonSerializer.Deserialize(body.Span, ApiJson.Strict.ReplayRequest) ?? throw new JsonException("null is no replay request.");
        }
        catch (JsonException e)
        {
            return Problem.Of(StatusCodes.Status400BadRequest, "The replay request is not valid.", $"{e.Message} It takes contentType, resultCode, parkReason, all, limit and dryRun.");
        }

        ParkReason? reason = null;
        if (wish.ParkReason is { } text)
        {
            if (!Spelling.TryRead<ParkReason>(text, out var named)) return Problem.Of(StatusCodes.Status400BadRequest, "The replay request is not valid.", $"parkReason is '{text}'; it is one of {Spelling.All<ParkReason>()}.");
            reason = named;
        }

        if (wish.Limit is < 1 or > MaxLimit) return Problem.Of(StatusCodes.Status400BadRequest, "The replay request is not valid.", $"limit is {wish.Limit}; it is a whole number from 1 to {MaxLimit}.");
        if (!wish.All && reason is null && wish.ContentType is null && wish.ResultCode is null)
            return Problem.Of(StatusCodes.Status400BadRequest, "The replay request is not valid.", "Name at least one of contentType, resultCode and parkReason, or say \"all\": true.");
        try
        {
            var result = await ReplayAsync(wish, reason, cancellationToken).ConfigureAwait(false);
            return Results.Json(result, ApiJson.Answers.ReplayResult, statusCode: wish.DryRun ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    private async Task<ReplayResult> ReplayAsync(ReplayRequest wish, ParkReason? reason, CancellationToken cancellationToken)
    {
        var limit = wish.Limit ?? MaxLimit;
        var (matched, replayed, more) = (0, 0, false);
        var named = new List<string>();
        var codes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var chunk = new List<string>(ChunkSize);
        var filter = new SyncRecordFilter { State = SyncState.Parked, ContentType = wish.ContentType, ResultCode = wish.ResultCode };
        await foreach (var record in ledger.ListAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (reason is not null && record.ParkReason != reason) continue;
            if (matched == limit)
            {
                more = true;
                break;
            }

            matched++;
            if (named.Count < MostIdsNamed) named.Add(record.ContentId);
            var code = record.LastAttempt?.Code ?? "";
            codes[code] = codes.GetValueOrDefault(code) + 1;
            if (wish.DryRun) continue;
            chunk.Add(record.ContentId);
            if (chunk.Count == ChunkSize) replayed += await ReplayAsync(chunk, cancellationToken).ConfigureAwait(false);
        }

        if (chunk.Count > 0) replayed += await ReplayAsync(chunk, cancellationToken).ConfigureAwait(false);
        return new ReplayResult(wish.DryRun, matched, replayed, more, codes, named);
    }

    // Together, so that a ledger that commits in groups does it once for all of them.
    private async Task<int> ReplayAsync(List<string> contentIds, CancellationToken cancellationToken)
    {
        var records = await Task.WhenAll(contentIds.Select(contentId => ledger.ReplayAsync(contentId, cancellationToken).AsTask())).ConfigureAwait(false);
        contentIds.Clear();
        var wakes = records.OfType<SyncRecord>().Select(record => new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)).ToArray();
        if (wakes.Length > 0) await queue.WakeAsync(wakes, cancellationToken).ConfigureAwait(false);
        return wakes.Length;
    }
}

/// <summary>Which parked contents to send again. A member that is absent matches all.</summary>
/// <param name="ContentType">Compared exactly.</param>
/// <param name="ResultCode">Of the last attempt.</param>
/// <param name="ParkReason">rejected, attemptsExhausted or ageExceeded.</param>
/// <param name="All">Must be true where no filter is given.</param>
/// <param name="Limit">Most contents, 1 to 10,000.</param>
/// <param name="DryRun">Only counts.</param>
public sealed record ReplayRequest(string? ContentType = null, string? ResultCode = null, string? ParkReason = null, bool All = false, int? Limit = null, bool DryRun = false);

/// <summary>What a filtered replay found and did.</summary>
/// <param name="DryRun">True where nothing was changed.</param>
/// <param name="Matched">Parked contents that matched, up to the limit.</param>
/// <param name="Replayed">Of these, those that are pending again.</param>
/// <param name="More">True where more matched than the limit lets through.</param>
/// <param name="Codes">Matches by the code of their last attempt.</param>
/// <param name="ContentIds">The first 100 of them.</param>
public sealed record ReplayResult(bool DryRun, int Matched, int Replayed, bool More, IReadOnlyDictionary<string, int> Codes, IReadOnlyList<string> ContentIds);
