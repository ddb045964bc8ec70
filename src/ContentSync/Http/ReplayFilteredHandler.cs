using System.Text.Json;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>POST /api/content/replay: sends the parked contents that match a filter again, or with <c>dryRun</c> counts them.</summary>
public sealed class ReplayFilteredHandler(FilteredReplay run)
{
    private const int MaxBodyBytes = 16 * 1024;

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
            return Problem.Json("The replay request is not valid.", e, "contentType, resultCode, parkReason, from, to, all, limit and dryRun");
        }

        if (FilteredReplay.Fault(wish) is { } fault) return Problem.Of(StatusCodes.Status400BadRequest, "The replay request is not valid.", fault);
        try
        {
            var result = await run.ReplayAsync(wish, cancellationToken).ConfigureAwait(false);
            return Results.Json(result, ApiJson.Responses.ReplayResponse, statusCode: wish.DryRun ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }
}

/// <summary>Which parked contents to send again. A member that is absent matches all.</summary>
/// <param name="ContentType">Compared exactly.</param>
/// <param name="ResultCode">Of the last attempt.</param>
/// <param name="ParkReason">rejected, attemptsExhausted or ageExceeded.</param>
/// <param name="From">Parked at this time or later; ISO 8601 with a zone.</param>
/// <param name="To">Parked before this time; likewise.</param>
/// <param name="All">Must be true where no filter is given.</param>
/// <param name="Limit">Most contents, 1 to 10,000.</param>
/// <param name="DryRun">Only counts.</param>
public sealed record ReplayRequest(string? ContentType = null, string? ResultCode = null, string? ParkReason = null, string? From = null, string? To = null, bool All = false, int? Limit = null, bool DryRun = false);

/// <summary>What a filtered replay found and did.</summary>
/// <param name="DryRun">True where nothing was changed.</param>
/// <param name="Matched">Parked contents that matched, up to the limit.</param>
/// <param name="Replayed">Of these, those that are pending again.</param>
/// <param name="More">True where more matched than the limit lets through.</param>
/// <param name="Codes">Matches by the code of their last attempt.</param>
/// <param name="ContentIds">The first 100 of them.</param>
public sealed record ReplayResponse(bool DryRun, int Matched, int Replayed, bool More, IReadOnlyDictionary<string, int> Codes, IReadOnlyList<string> ContentIds);
