using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/content/{contentId}: the state of one item, with its history of attempts.</summary>
public sealed class GetContentHandler(ISyncLedger ledger)
{
    public async Task<IResult> HandleAsync(string contentId, CancellationToken cancellationToken)
    {
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
