using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>What AlipayHK may still be at work on holds the content until it has settled.</summary>
public sealed class SettlingTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Settled = Now.AddSeconds(15);
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(1);

    private readonly TestSubmissions _submissions = new();

    [Fact]
    public void Nothing_is_sent_before_a_request_of_unknown_outcome_has_settled()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var ended = Record(leased, leased, AttemptEndings.RetryAt(leased, Now, Now) with { LateEffectUntil = Settled });
        Assert.Equal(LeaseStatus.Busy, SyncTransitions.Lease(ended, "two", Settled.AddTicks(-1), Duration).Status);
        Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(ended, "two", Settled, Duration).Status);
    }

    [Fact]
    public void A_newer_content_waits_for_it_too()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var newer = Accept(leased, "B", 2);
        var ended = Record(newer, leased, AttemptEndings.RetryAt(leased, Now, Now) with { LateEffectUntil = Settled });
        Assert.Equal(LeaseStatus.Busy, SyncTransitions.Lease(ended, "two", Settled.AddTicks(-1), Duration).Status);
    }

    [Fact]
    public void An_ended_attempt_cannot_end_again_while_it_settles()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var ended = Record(leased, leased, AttemptEndings.RetryAt(leased, Now, Now) with { LateEffectUntil = Settled });
        Assert.Equal(RecordStatus.LeaseLost, SyncTransitions.Record(ended, leased, AttemptEndings.Released()).Status);
    }

    [Fact]
    public void A_lease_granted_by_a_write_whose_answer_was_lost_is_known_again()
    {
        var leased = Lease(Accept(null, "A", 1), "one");
        var (next, status) = SyncTransitions.Lease(leased, "one", Now, Duration);
        Assert.Equal((null, LeaseStatus.Granted), (next, status));
    }

    [Fact]
    public void The_content_that_came_in_meanwhile_has_then_begun_its_first_attempt()
    {
        var newer = Accept(Lease(Accept(null, "A", 1), "one"), "B", 2);
        Assert.Equal(0, newer.Attempts);
        var (next, status) = SyncTransitions.Lease(newer, "one", Now, Duration);
        Assert.Equal((1, LeaseStatus.Granted), (next!.Attempts, status));
    }

    private SyncRecord Accept(SyncRecord? current, string content, long revision) =>
        SyncTransitions.Accept(current, _submissions.Of("item", content, revision), Now).Next!;

    private static SyncRecord Lease(SyncRecord record, string leaseId) => SyncTransitions.Lease(record, leaseId, Now, Duration).Next!;

    private static SyncRecord Record(SyncRecord current, SyncRecord leased, AttemptOutcome ending) => SyncTransitions.Record(current, leased, ending).Next!;
}
