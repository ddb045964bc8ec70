using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>
/// The stored horizon of a table's ledger; see <see cref="RetentionRules"/>. Every process knows a new one after <see cref="MaxAge"/>, and
/// nothing is forgotten because of it before <see cref="Grace"/>. Thread-safe.
/// </summary>
internal sealed class TableLedgerHorizon(TableClient table, TimeProvider time)
{
    /// <summary>How long a process uses the horizon that it has read.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(10);

    /// <summary>Time from storing a horizon to forgetting the first item because of it.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private const string Partition = "00";

    // Neither a record nor an index row: after ~g and before ~n.
    private const string Row = "~h";

    private Known? _known;

    /// <summary>The horizon; null if nothing was ever forgotten. One transaction, if the known one is too old.</summary>
    public async ValueTask<DateTimeOffset?> ReadAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _known) is { } known && time.GetElapsedTime(known.ReadAt) < MaxAge) return known.At;
        var readAt = time.GetTimestamp();
        var stored = await FindAsync(cancellationToken).ConfigureAwait(false);
        var at = stored?.GetDateTimeOffset("At");
        Volatile.Write(ref _known, new Known(at, readAt));
        return at;
    }

    /// <summary>The horizon that every process knows; null if there is none, or if it is too new.</summary>
    public async ValueTask<DateTimeOffset?> ReadKnownToAllAsync(CancellationToken cancellationToken) =>
        await FindAsync(cancellationToken).ConfigureAwait(false) is { } stored && time.GetUtcNow() - stored.GetDateTimeOffset("StoredAt") >= Grace
            ? stored.GetDateTimeOffset("At")
            : null;

    /// <summary>Stores a horizon, unless the stored one is later.</summary>
    public async ValueTask RaiseAsync(DateTimeOffset horizon, CancellationToken cancellationToken)
    {
        var stored = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (stored?.GetDateTimeOffset("At") >= horizon) return;
        var next = new TableEntity(Partition, Row) { ["At"] = horizon, ["StoredAt"] = time.GetUtcNow() };
        try
        {
            if (stored is null) await table.AddEntityAsync(next, cancellationToken).ConfigureAwait(false);
            else await table.UpdateEntityAsync(next, stored.ETag, TableUpdateMode.Replace, cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            // Another process stored one, or our first write succeeded; the next scan raises it further if need be.
        }
    }

    private async ValueTask<TableEntity?> FindAsync(CancellationToken cancellationToken)
    {
        var found = await table.GetEntityIfExistsAsync<TableEntity>(Partition, Row, cancellationToken: cancellationToken).ConfigureAwait(false);
        return found.HasValue ? found.Value : null;
    }

    private sealed record Known(DateTimeOffset? At, long ReadAt);
}
