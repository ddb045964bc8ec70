using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// GET /api/content/{contentId}, or GET /api/content with the contentId in the query: the state of one item, with its history of attempts.
/// </summary>
public sealed class GetContentHandler(ISyncLedger ledger)
{
    /// <returns>200 with the state, 400 if the request does not name one item, 404 unknown, 503 if the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (contentId, fault) = ItemAddress.Read(request);
        if (fault is not null) return fault;
        try
        {
            return await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } record
                ? Results.Json(ContentState.DetailsOf(record), ApiJson.Responses.ContentState)
                : Problem.NoSuchItem(contentId);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }
}
