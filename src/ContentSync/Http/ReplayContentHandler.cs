using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content/{contentId}/replay, or POST /api/content/replay with the contentId in the query: sends one parked item again, unchanged.
/// </summary>
public sealed class ReplayContentHandler(ISyncLedger ledger, ISyncQueue queue)
{
    /// <returns>
    /// 202 with the item's state, 400 if the request does not name one item, 404 unknown, 409 not parked, 503 if the ledger is unavailable.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (contentId, fault) = ItemAddress.Read(request);
        if (fault is not null) return fault;
        try
        {
            if (await ledger.ReplayAsync(contentId, TimeSpan.Zero, cancellationToken).ConfigureAwait(false) is { } record)
            {
                var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
                await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
                request.HttpContext.Response.Headers.Location = ItemAddress.Of(record.ContentId);
                return Results.Json(ContentState.Of(record), ApiJson.Responses.ContentState, statusCode: StatusCodes.Status202Accepted);
            }

            return await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } current
                ? Problem.Of(
                    StatusCodes.Status409Conflict,
                    "Not parked.",
                    $"'{contentId}' is {EnumText.Of(current.State)}; only parked items can be replayed.")
                : Problem.NoSuchItem(contentId);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }
}
