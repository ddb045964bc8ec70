using System.Runtime.CompilerServices;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// One record per contentId, with optimistic concurrency. A method returns only after its write would survive the process being
/// killed, and it times out if the store does not respond. The rules are in <see cref="SyncTransitions"/>; a ledger adds storage
/// and nothing else.
/// </summary>
public interface ISyncLedger
{
    /// <summary>Accepts submissions in their order and returns the results in the same order. A contentId may occur more than once.</summary>
    /// <exception cref="LedgerUnavailableException">
    /// The write failed. The store may hold none, some or all of the submissions; accepting them again is safe.
    /// </exception>
    ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken);

    /// <summary>Leases a pending item that is due.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken);

    /// <summary>Leases an item that was accepted just now. A ledger need not read the record again if it is still the accepted one.</summary>
    /// <inheritdoc cref="LeaseAsync(string, TimeSpan, CancellationToken)"/>
    ValueTask<LeaseResult> LeaseAsync(SyncRecord accepted, TimeSpan duration, CancellationToken cancellationToken) =>
        LeaseAsync(accepted.ContentId, duration, cancellationToken);

    /// <summary>Records the outcome of the leased attempt and releases the lease.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached; the lease stays until it expires.</exception>
    ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a parked item pending again and due after <paramref name="delay"/>. Returns null if the ledger does not hold the item
    /// or the item is not parked.
    /// </summary>
    ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken);

    /// <summary>
    /// Makes an item pending again, so that the same request is sent once more. An item that is already pending does not change.
    /// Returns null if the ledger does not hold the item, AlipayHK rejected it, or it is a tombstone.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>
    /// Records that a version of an item failed validation. If it is newer than the accepted one, the item is stale until a version that
    /// covers it is accepted. It does not raise what was seen, so the same version may come again, corrected.
    /// </summary>
    /// <param name="contentId">Need not be known to the ledger.</param>
    /// <param name="version">The refused version.</param>
    /// <param name="code">Code of the first violation.</param>
    /// <param name="message">What is wrong; cut after <see cref="SyncRefusal.MaxMessageLength"/> characters.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The record after the call; null if the ledger does not hold the item, because then AlipayHK holds nothing stale.</returns>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken);

    /// <summary>Returns the item's record, or null if the ledger does not hold the item.</summary>
    ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>
    /// The time before which the ledger remembers nothing of items that it does not hold (<see cref="RetentionRules"/>); null if it never
    /// forgot any.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask<DateTimeOffset?> HorizonAsync(CancellationToken cancellationToken) => ValueTask.FromResult<DateTimeOffset?>(null);

    /// <summary>Returns if the store can be used. A ledger whose writes can fail while its reads succeed tries to write.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be used; the message says why.</exception>
    async ValueTask CheckAsync(CancellationToken cancellationToken)
    {
        // No item can have this contentId: a lookup that finds nothing proves that the store responds.
        await FindAsync("\u0001health", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Streams the records that match, in no particular order. A record that changes meanwhile may appear in its old or its new state.
    /// </summary>
    IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, CancellationToken cancellationToken);

    /// <summary>
    /// Streams the items that match, without their content, in no particular order; like <see cref="ListAsync"/>. What is out of sync
    /// costs in proportion to its number, not to the size of the ledger.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    async IAsyncEnumerable<ListedItem> ListItemsAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in ListAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            var item = ListedItem.Of(record);
            if (filter.Matches(item)) yield return item;
        }
    }

    /// <summary>
    /// Returns a page of the items that match, without their content, in a stable order in which every item has one place. Unless the
    /// ledger says otherwise, that is the order of the contentIds.
    /// </summary>
    /// <param name="filter">Selects the items.</param>
    /// <param name="after">The <see cref="ItemPage.Next"/> of the page before; null for the first page.</param>
    /// <param name="size">Max items, at least 1.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    async ValueTask<ItemPage> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken)
    {
        var first = new PriorityQueue<ListedItem, string>(Comparer<string>.Create((a, b) => string.CompareOrdinal(b, a)));
        await foreach (var item in ListItemsAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (after is not null && string.CompareOrdinal(item.ContentId, after) <= 0) continue;
            first.Enqueue(item, item.ContentId);
            if (first.Count > size + 1) first.Dequeue();
        }

        var hasMore = first.Count > size;
        if (hasMore) first.Dequeue();
        var page = new ListedItem[first.Count];
        for (var i = page.Length - 1; i >= 0; i--) page[i] = first.Dequeue();
        return new ItemPage(page, hasMore ? page[^1].ContentId : null);
    }

    /// <summary>Counts the items.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    async ValueTask<LedgerCounts> CountAsync(CancellationToken cancellationToken)
    {
        var counts = new LedgerCounts();
        await foreach (var item in ListItemsAsync(new SyncRecordFilter(), cancellationToken).ConfigureAwait(false)) counts.Add(item);
        return counts;
    }
}

/// <param name="Status">Whether the lease was granted, and if not, why.</param>
/// <param name="Record">The record after the call; null if the ledger does not hold the item.</param>
public readonly record struct LeaseResult(LeaseStatus Status, SyncRecord? Record);

/// <param name="Status">Whether the outcome was recorded.</param>
/// <param name="Record">The record after the call.</param>
public readonly record struct RecordResult(RecordStatus Status, SyncRecord Record);

/// <summary>The ledger's store failed: out of space, locked, unreachable, throttled.</summary>
public sealed class LedgerUnavailableException(string message, Exception? innerException = null) : Exception(message, innerException);
