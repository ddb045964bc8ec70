using System.Runtime.CompilerServices;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>Reads every record of a ledger, without the bodies, to compare the ledger with a whole catalog.</summary>
public interface ILedgerScan
{
    /// <summary>
    /// Streams every item once, in no particular order. An item that changes during the scan may appear in its old or its new state.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read.</exception>
    IAsyncEnumerable<ScannedItem> ReadAsync(CancellationToken cancellationToken);
}

/// <summary>The part of an item's record that a comparison needs. All members describe the newest accepted version.</summary>
public readonly record struct ScannedItem(
    string ContentId,
    ContentHash Hash,
    ContentStatus ContentStatus,
    SyncState State,
    ParkReason? ParkReason,
    DateTimeOffset AcceptedAt,
    VersionOrder Order)
{
    /// <summary>Whether a newer version was refused; see <see cref="SyncRecord.Refused"/>.</summary>
    public bool IsStale { get; init; }

    /// <summary>Whether AlipayHK never acknowledged any version of it.</summary>
    public bool IsUnknownToAlipayHk { get; init; }
}

/// <summary>Scans a ledger that offers nothing cheaper than listing its full records.</summary>
public sealed class RecordScan(ISyncLedger ledger) : ILedgerScan
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), cancellationToken).ConfigureAwait(false))
        {
            yield return new ScannedItem(
                record.ContentId, record.Hash, record.ContentStatus, record.State, record.ParkReason, record.AcceptedAt, record.Order)
            {
                IsStale = record.IsStale,
                IsUnknownToAlipayHk = record.SynchronizedAt is null,
            };
        }
    }
}
