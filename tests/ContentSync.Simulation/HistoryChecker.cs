using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Checks that an item's history holds every attempt that was recorded and every request that was sent.</summary>
internal sealed class HistoryChecker(World world)
{
    private readonly Dictionary<string, (string LeaseId, string RequestId)> _sent = new(StringComparer.Ordinal);

    /// <summary>A request leaves under the current lease of its item.</summary>
    public void Sent(AlipayHkCall call)
    {
        if (world.Store.Find(call.ContentId)?.Record.Lease is { } lease) _sent[call.ContentId] = (lease.LeaseId, call.RequestId);
    }

    public void Written(SyncRecord? old, SyncRecord next)
    {
        if (old is null) return;
        if (!IsExpected(old, next)) Report($"{next.ContentId} has {next.EarlierAttempts.Count} earlier attempts, but other ones were recorded");
        if (old.Lease is not { } ended || next.Lease?.LeaseId == ended.LeaseId) return;
        if (!_sent.Remove(next.ContentId, out var sent) || sent.LeaseId != ended.LeaseId || IsTakenOver(ended, next)) return;
        if (next.ReadSent().All(request => request.RequestId != sent.RequestId))
            Report($"{next.ContentId} does not know that request {sent.RequestId} was sent");
    }

    // Another process leased the item after the lease had expired. The outcome of the first one is never recorded.
    private static bool IsTakenOver(SyncLease ended, SyncRecord next) =>
        next.Lease is { } lease && lease.LeaseId != ended.LeaseId && lease.LeaseId != "settling";

    private static bool IsExpected(SyncRecord old, SyncRecord next)
    {
        if (Equals(next.LastAttempt, old.LastAttempt) || old.LastAttempt is null) return IsSame(next.EarlierAttempts, old.EarlierAttempts);
        return next.EarlierAttempts.SequenceEqual(old.EarlierAttempts.Append(old.LastAttempt).TakeLast(AttemptHistory.MaxCount));
    }

    private static bool IsSame(AttemptHistory one, AttemptHistory other) => ReferenceEquals(one, other) || one.Equals(other);

    private void Report(string text) => world.Invariants.Report(Invariant.HistoryIsComplete, text);
}
