using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// When a record or a part of it may go, as pure functions. The horizon is the time before which the ledger remembers nothing of items
/// that it does not hold; it is stored, and never goes back, before the first item that depends on it is forgotten.
/// </summary>
public static class RetentionRules
{
    /// <summary>Whether nothing of a delisted item happened since the horizon, so that the horizon supersedes whatever the record would.</summary>
    public static bool IsForgettable(SyncRecord record, DateTimeOffset horizon) =>
        MayBeForgettable(ListedItem.Of(record), horizon)
        && !(record.Lease?.ExpiresAt >= horizon)
        && record.Order.ChangedAt < horizon
        && record.Order.Current.FirstReceivedAt < horizon
        && !(record.Order.LatestGivenTime >= horizon)
        && !(record.Order.RollbackAt >= horizon);

    /// <summary>What a list can tell about <see cref="IsForgettable"/>.</summary>
    public static bool MayBeForgettable(ListedItem item, DateTimeOffset horizon) =>
        item.ContentStatus == ContentStatus.Invalid
        && item.State is SyncState.Synchronized or SyncState.Tombstone
        && !item.IsStale
        && item.LatestAt < horizon
        && !(item.SynchronizedAt >= horizon);

    /// <summary>Whether a change to an id that the ledger does not hold is superseded. A person's rollback never is.</summary>
    public static bool IsSuperseded(Submission submission, DateTimeOffset now, DateTimeOffset? horizon) =>
        !submission.OverridesNewer && VersionOrder.Timed(submission.Version.AcceptedAt(now), now).ChangedAt < horizon;

    /// <summary>The record without earlier attempts and requests that ended before <paramref name="oldest"/>; null if there are none.</summary>
    public static SyncRecord? Trim(SyncRecord record, DateTimeOffset oldest)
    {
        var (attempts, sent) = (record.EarlierAttempts.Since(oldest), record.EarlierSent.Since(oldest));
        return ReferenceEquals(attempts, record.EarlierAttempts) && ReferenceEquals(sent, record.EarlierSent)
            ? null
            : record with { EarlierAttempts = attempts, EarlierSent = sent };
    }

    /// <summary>When the oldest of the earlier attempts and requests ended; null if there are none.</summary>
    public static DateTimeOffset? OldestOf(AttemptHistory attempts, SentHistory sent)
    {
        var attempt = attempts.ToText() is null ? (DateTimeOffset?)null : attempts.Min(earlier => earlier.At);
        var request = sent.ToText() is null ? (DateTimeOffset?)null : sent.Min(earlier => earlier.At);
        return attempt is null || request < attempt ? request : attempt;
    }
}
