using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content/replay: sends the parked items that match a filter again, or only counts them with <c>dryRun</c>. With a contentId in the
/// query it replays that item.
/// </summary>
public sealed class ReplayFilteredHandler(FilteredReplay replay, ReplayContentHandler one)
{
    private const int MaxBodyBytes = 16 * 1024;
    private const string Title = "The replay request is not valid.";

    /// <returns>
    /// 200 for a dry run, 202 otherwise, with what matched; 400, 413 or 415 for an invalid body, 503 if the ledger is unavailable.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.Query.ContainsKey(ItemAddress.Parameter)) return await one.HandleAsync(request, cancellationToken).ConfigureAwait(false);
        var (body, error) = await RequestBody.ReadAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        ReplayRequest replayRequest;
        try
        {
            replayRequest = JsonSerializer.Deserialize(body.Span, ApiJson.Strict.ReplayRequest)
                ?? throw new JsonException("null is not a replay request.");
        }
        catch (JsonException e)
        {
            return Problem.Json(Title, e, "type, code, reason, from, to, all, limit and dryRun");
        }

        if (FilteredReplay.Fault(replayRequest) is { } fault) return Problem.Of(StatusCodes.Status400BadRequest, Title, fault);
        try
        {
            var response = await replay.ReplayAsync(replayRequest, cancellationToken).ConfigureAwait(false);
            var status = replayRequest.DryRun ? StatusCodes.Status200OK : StatusCodes.Status202Accepted;
            return Results.Json(response, ApiJson.Responses.ReplayResponse, statusCode: status);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }
}

/// <summary>Which parked items to send again. An absent filter matches every item.</summary>
/// <param name="Type">Exact contentType.</param>
/// <param name="Code">Code of the last attempt.</param>
/// <param name="Reason">Why the item is parked.</param>
/// <param name="From">Parked at this time or later; ISO 8601 with a zone.</param>
/// <param name="To">Parked before this time; ISO 8601 with a zone.</param>
/// <param name="All">Must be true if no filter is given.</param>
/// <param name="Limit">Max items; 10,000 if absent.</param>
/// <param name="DryRun">Only count the items.</param>
public sealed record ReplayRequest(
    string? Type = null,
    string? Code = null,
    [property: EnumDataType(typeof(ParkReason))] string? Reason = null,
    [property: DataType(DataType.DateTime)] string? From = null,
    [property: DataType(DataType.DateTime)] string? To = null,
    bool All = false,
    [property: Range(1, FilteredReplay.MaxLimit)] int? Limit = null,
    bool DryRun = false);

/// <summary>What a filtered replay found and did.</summary>
/// <param name="DryRun">True if nothing was changed.</param>
/// <param name="Matched">Parked items that matched, up to the limit.</param>
/// <param name="Replayed">How many of them are pending again.</param>
/// <param name="More">True if more items match than the limit allows.</param>
/// <param name="Codes">Matching items by the code of their last attempt.</param>
/// <param name="ContentIds">The first 100 matching items.</param>
public sealed record ReplayResponse(
    bool DryRun, int Matched, int Replayed, bool More, IReadOnlyDictionary<string, int> Codes, IReadOnlyList<string> ContentIds);
