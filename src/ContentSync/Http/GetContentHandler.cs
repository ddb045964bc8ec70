using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/content/{contentId}: where one content stands.</summary>
public sealed class GetContentHandler(ISyncLedger ledger)
{
    public async Task<IResult> HandleAsync(string contentId, CancellationToken cancellationToken)
    {
        try
        {
            return await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } record
                ? Results.Json(ContentState.Of(record), ApiJson.Default.ContentState)
                : Problem.Of(StatusCodes.Status404NotFound, "No such content.", $"No content with the id '{contentId}' was ever accepted here. Ids are compared exactly, case included.");
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.Of(StatusCodes.Status503ServiceUnavailable, "The ledger cannot be reached.", e.Message);
        }
    }
}
