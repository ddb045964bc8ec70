using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>The ledger's side of a comparison.</summary>
internal interface IPlanLedger
{
    /// <summary>Reads the items of one partition.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    ValueTask ReadAsync(int partition, TakeLedgerItem take, CancellationToken cancellationToken);
}

internal delegate void TakeLedgerItem(LedgerPlanItem item);

/// <summary>A ledger that is read partition by partition while it is compared; nothing of it is copied.</summary>
internal sealed class PartitionedPlanLedger(IPartitionedLedgerScan scan) : IPlanLedger
{
    public async ValueTask ReadAsync(int partition, TakeLedgerItem take, CancellationToken cancellationToken)
    {
        var entry = new byte[LedgerItemReader.MaxEntryBytes];
        await foreach (var item in scan.ReadPartitionAsync(partition, cancellationToken).ConfigureAwait(false))
        {
            new LedgerItemReader(LedgerItemReader.Write(entry, PlanKey.Of(item.ContentId), item)).TryRead(out var read);
            take(read);
        }
    }
}

/// <summary>A ledger that was copied into segments first, because it can only be read as a whole.</summary>
internal sealed class CopiedPlanLedger(PlanSegments segments) : IPlanLedger
{
    public async ValueTask ReadAsync(int partition, TakeLedgerItem take, CancellationToken cancellationToken)
    {
        var (buffer, length) = await segments.ReadEntriesAsync(partition, [], cancellationToken).ConfigureAwait(false);
        var reader = new LedgerItemReader(buffer.AsSpan(0, length));
        while (reader.TryRead(out var item)) take(item);
    }
}
