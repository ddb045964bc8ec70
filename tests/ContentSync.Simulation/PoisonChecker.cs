using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Checks that items which always fail neither hold up the others nor stay pending.</summary>
internal sealed class PoisonChecker(World world)
{
    /// <summary>The age limit and the longest back-off; some attempts also wait until another item has succeeded.</summary>
    private static readonly TimeSpan MaxTimeUntilParked = TimeSpan.FromHours(72 + 15 + 3);

    /// <summary>Whether AlipayHK never sends a signed response about the item, even though it is up.</summary>
    public static bool IsPoison(ItemKind kind) =>
        kind is ItemKind.Tarpit or ItemKind.Blocked or ItemKind.Unauthorized or ItemKind.Resetting or ItemKind.Outdated;

    public void Written(SyncRecord? old, SyncRecord next)
    {
        if (old is not { State: SyncState.Pending }) return;
        var kind = ItemKindText.Find(next.Body.Span);
        if (next.State == SyncState.Synchronized && kind == ItemKind.Normal) CheckFlow(next);
        if (next.State == SyncState.Parked && kind is ItemKind.Blocked or ItemKind.Unauthorized) CheckReason(next);
    }

    public void CheckEnd()
    {
        if (world.Plan.FlowLimit is null) return;
        foreach (var record in world.Store.Records.Where(record => !record.IsTombstone && IsPoison(ItemKindText.Find(record.Body.Span))))
        {
            if (record.State != SyncState.Parked)
            {
                world.Invariants.Report(Invariant.PoisonIsParked, $"{record.ContentId} always fails and ends {record.State}");
                continue;
            }

            CheckReason(record);
            var took = record.LastAttempt!.At - record.AcceptedAt;
            if (took > MaxTimeUntilParked)
                world.Invariants.Report(Invariant.PoisonIsParked, $"{record.ContentId} always fails and was parked only after {took}");
        }
    }

    private void CheckFlow(SyncRecord record)
    {
        var took = record.SynchronizedAt!.Value - record.AcceptedAt;
        if (world.Plan.FlowLimit is { } limit && took > limit)
            world.Invariants.Report(Invariant.OthersFlow, $"{record.ContentId} was synchronized only after {took}");
    }

    // Random delays can add up to the age limit before all attempts are made; RetryChecker knows whether the age was reached.
    private void CheckReason(SyncRecord record)
    {
        if (record.ParkReason is not (ParkReason.AttemptsExhausted or ParkReason.AgeExceeded))
            world.Invariants.Report(Invariant.PoisonIsParked, $"{record.ContentId} always fails and is parked with {record.ParkReason}");
    }
}
