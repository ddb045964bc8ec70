using System.Runtime.CompilerServices;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>Lists what a ledger holds without the bodies, for comparing it with a whole catalog.</summary>
public interface ILedgerScan
{
    /// <summary>Streams every content once, in no promised order. One that changes meanwhile may come in either state.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read.</exception>
    IAsyncEnumerable<ScannedItem> ReadAsync(CancellationToken cancellationToken);
}

/// <summary>What the ledger knows of one content, as far as a comparison needs it.</summary>
/// <param name="ContentId">Which.</param>
/// <param name="Hash">Of the newest accepted content.</param>
/// <param name="ContentStatus">Of the newest accepted content.</param>
/// <param name="State">How its delivery stands.</param>
/// <param name="ParkReason">For a parked one, why.</param>
/// <param name="AcceptedAt">When this content was accepted.</param>
/// <param name="Revision">Of the newest accepted content.</param>
public readonly record struct ScannedItem(
    string ContentId, ContentHash Hash, ContentStatus ContentStatus, SyncState State, ParkReason? ParkReason, DateTimeOffset AcceptedAt, Revision Revision);

/// <summary>The index of a ledger that has no cheaper one than its records.</summary>
public sealed class RecordScan(ISyncLedger ledger) : ILedgerScan
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), cancellationToken).ConfigureAwait(false))
            yield return new ScannedItem(record.ContentId, record.Hash, record.ContentStatus, record.State, record.ParkReason, record.AcceptedAt, record.Revision);
    }
}
