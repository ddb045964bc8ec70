using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/ledger: how large the ledger is, and what it keeps.</summary>
public sealed class LedgerSizeHandler(Board.LedgerFiguresReader reader, RetentionOptions retention, LedgerBytes? bytes = null)
{
    /// <returns>200, or 503 if the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var figures = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var size = LedgerSize.Of(figures.States.Values.Sum(), figures.IsComplete, bytes?.Read(), retention);
            return Results.Json(size, ApiJson.Responses.LedgerSize);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }
}

/// <summary>Reads how many bytes the ledger takes on disk. A host whose store does not say has none.</summary>
public sealed class LedgerBytes(Func<long> read)
{
    public long Read() => read();
}

/// <summary>How large the ledger is, and what it keeps.</summary>
/// <param name="Items">Records, one per contentId.</param>
/// <param name="IsComplete">False in the cloud until everything has been counted once; items is too low until then.</param>
/// <param name="Bytes">On disk; absent in the cloud, where the table service does not say.</param>
/// <param name="DelistedDays">Days without a change after which a delisted item is forgotten.</param>
/// <param name="HistoryDays">Days after which an item's earlier attempts and requests are dropped.</param>
/// <param name="RunsDays">Days after which a finished resync is dropped.</param>
/// <param name="SentBodies">Whether the bodies of earlier requests are kept, not only their digests.</param>
public sealed record LedgerSize(
    long Items, bool IsComplete, long? Bytes, int DelistedDays, int HistoryDays, int RunsDays, bool SentBodies)
{
    internal static LedgerSize Of(long items, bool isComplete, long? bytes, RetentionOptions retention) => new(
        items, isComplete, bytes, retention.DelistedDays, retention.HistoryDays, retention.RunsDays, retention.SentBodies);
}
