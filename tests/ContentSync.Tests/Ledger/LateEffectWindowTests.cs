using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>No request for an item is sent during the late-effect window of an earlier one.</summary>
public sealed class LateEffectWindowTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset WindowEnd = Now.AddSeconds(15);
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(1);

    private readonly TestSubmissions _submissions = new();

    [Fact]
    public void Nothing_is_sent_before_the_late_effect_window_ends()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var ended = Record(leased, leased, AttemptOutcomes.RetryAt(leased, Now, Now) with { LateEffectUntil = WindowEnd });
        Assert.Equal(LeaseStatus.Busy, SyncTransitions.Lease(ended, "two", WindowEnd.AddTicks(-1), Duration).Status);
        Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(ended, "two", WindowEnd, Duration).Status);
    }

    [Fact]
    public void A_newer_version_waits_for_the_window_too()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var newer = Accept(leased, "B", 2);
        var ended = Record(newer, leased, AttemptOutcomes.RetryAt(leased, Now, Now) with { LateEffectUntil = WindowEnd });
        Assert.Equal(LeaseStatus.Busy, SyncTransitions.Lease(ended, "two", WindowEnd.AddTicks(-1), Duration).Status);
    }

    [Fact]
    public void An_attempt_is_recorded_only_once_even_during_its_window()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var ended = Record(leased, leased, AttemptOutcomes.RetryAt(leased, Now, Now) with { LateEffectUntil = WindowEnd });
        Assert.Equal(RecordStatus.LeaseLost, SyncTransitions.Record(ended, leased, AttemptOutcomes.Released()).Status);
    }

    [Fact]
    public void A_lease_whose_response_was_lost_is_granted_under_the_same_id()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var (next, status) = SyncTransitions.Lease(leased, "one", Now, Duration);
        Assert.Equal((null, LeaseStatus.Granted), (next, status));
    }

    [Fact]
    public void A_version_accepted_before_the_repeated_grant_starts_its_first_attempt()
    {
        var newer = Accept(Lease(Accept(null, "A", 1), "one"), "B", 2);
        Assert.Equal(0, newer.Attempts);
        var (next, status) = SyncTransitions.Lease(newer, "one", Now, Duration);
        Assert.Equal((1, LeaseStatus.Granted), (next!.Attempts, status));
    }

    private SyncRecord Accept(SyncRecord? current, string content, long revision) =>
        SyncTransitions.Accept(current, _submissions.Of("item", content, revision), Now).Next!;

    private static SyncRecord Lease(SyncRecord record, string leaseId) => SyncTransitions.Lease(record, leaseId, Now, Duration).Next!;

    private static SyncRecord Record(SyncRecord current, SyncRecord leased, AttemptOutcome outcome) =>
        SyncTransitions.Record(current, leased, outcome).Next!;
}
