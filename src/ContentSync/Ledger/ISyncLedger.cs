namespace ContentSync.Ledger;

/// <summary>
/// One record per contentId, with optimistic concurrency. Every method returns only after what it wrote would survive the
/// process being killed, and gives up by itself where its store does not answer. The rules are in <see cref="SyncTransitions"/>; a ledger adds storage and nothing else.
/// </summary>
public interface ISyncLedger
{
    /// <summary>Takes submissions in, in their order; the answers come in the same order. The same contentId may occur more than once.</summary>
    /// <exception cref="LedgerUnavailableException">The store did not take it; none, some or all of the submissions may be in it. Accepting them again is safe.</exception>
    ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken);

    /// <summary>Takes the right to send a pending content that is due.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken);

    /// <summary>Writes down how the leased attempt ended and gives the lease back.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached; the lease runs out by itself.</exception>
    ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken);

    /// <summary>Makes a parked content pending again, to be sent when <paramref name="delay"/> has passed. Null where the ledger holds no such content or it is not parked.</summary>
    ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a content pending again whatever its state, to be sent once more with the same request; one that is pending stays as it is.
    /// Null where the ledger holds no such content, or AlipayHK rejected it.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>The record, or null.</summary>
    ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>Streams the records that match, in no promised order. A record that changes meanwhile may come in either state.</summary>
    IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, CancellationToken cancellationToken);

    /// <summary>
    /// The first records that match and follow <paramref name="after"/>, in an order of the contentIds that is always the same.
    /// A ledger without such an order of its own reads all that match.
    /// </summary>
    /// <param name="filter">Which.</param>
    /// <param name="after">The last contentId of the page before; null for the first page.</param>
    /// <param name="size">Most records.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    async ValueTask<IReadOnlyList<SyncRecord>> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken)
    {
        var first = new PriorityQueue<SyncRecord, string>(Comparer<string>.Create((a, b) => string.CompareOrdinal(b, a)));
        await foreach (var record in ListAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (after is not null && string.CompareOrdinal(record.ContentId, after) <= 0) continue;
            first.Enqueue(record, record.ContentId);
            if (first.Count > size) first.Dequeue();
        }

        var page = new SyncRecord[first.Count];
        for (var i = page.Length - 1; i >= 0; i--) page[i] = first.Dequeue();
        return page;
    }
}

/// <param name="Status">Whether the lease was granted.</param>
/// <param name="Record">The record after it; null where the ledger holds no such content.</param>
public readonly record struct LeaseResult(LeaseStatus Status, SyncRecord? Record);

/// <param name="Status">Whether the ending was written.</param>
/// <param name="Record">The record after it.</param>
public readonly record struct RecordResult(RecordStatus Status, SyncRecord Record);

/// <summary>Which records to list; a null member matches all.</summary>
public sealed record SyncRecordFilter
{
    public SyncState? State { get; init; }

    /// <summary>Only pending records whose <see cref="SyncRecord.DueAt"/> is at or before this time.</summary>
    public DateTimeOffset? DueBy { get; init; }

    public string? ContentType { get; init; }

    /// <summary>Only records whose last attempt ended with this code.</summary>
    public string? ResultCode { get; init; }
}

/// <summary>The ledger's store failed: out of space, locked, unreachable, throttled.</summary>
public sealed class LedgerUnavailableException(string message, Exception? innerException = null) : Exception(message, innerException);
