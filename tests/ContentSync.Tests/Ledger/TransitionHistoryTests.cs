using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>What transitions leave in the history of an item and in its refusal.</summary>
public sealed class TransitionHistoryTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    private readonly TestSubmissions _submissions = new();

    [Fact]
    public void A_released_lease_leaves_the_attempts_as_they_are()
    {
        var leased = LeasedAfterOneAttempt();

        var (next, _) = SyncTransitions.Record(leased, leased, AttemptOutcomes.Released());

        Assert.Equal(leased.LastAttempt, next!.LastAttempt);
        Assert.Empty(next.EarlierAttempts);
    }

    [Fact]
    public void Another_attempt_moves_the_one_before_it_to_the_history()
    {
        var leased = LeasedAfterOneAttempt();

        var (next, _) = SyncTransitions.Record(leased, leased, AttemptOutcomes.RetryAt(leased, Now.AddMinutes(2), Now.AddMinutes(9)));

        Assert.Equal(Now.AddMinutes(2), next!.LastAttempt!.At);
        Assert.Equal([leased.LastAttempt!], next.EarlierAttempts);
    }

    [Theory]
    [InlineData(SyncRefusal.MaxMessageLength)]
    [InlineData(SyncRefusal.MaxMessageLength + 1)]
    [InlineData(SyncRefusal.MaxMessageLength + 500)]
    public void A_refusal_keeps_as_much_of_its_message_as_it_may(int length)
    {
        var message = new string('x', length);

        var refused = SyncTransitions.Refuse(Accepted(), TestSubmissions.Numbered(2), "too-large", message, Now)!.Refused!;

        Assert.Equal(SyncRefusal.MaxMessageLength, refused.Message.Length);
        Assert.Equal(length > SyncRefusal.MaxMessageLength ? '…' : 'x', refused.Message[^1]);
    }

    private SyncRecord Accepted() => SyncTransitions.Accept(null, _submissions.Of("item", "A", 1), Now).Next!;

    private SyncRecord LeasedAfterOneAttempt()
    {
        var leased = SyncTransitions.Lease(Accepted(), "lease-1", Now, TimeSpan.FromMinutes(2)).Next!;
        var (failed, _) = SyncTransitions.Record(leased, leased, AttemptOutcomes.RetryAt(leased, Now, Now.AddMinutes(1)));
        return SyncTransitions.Lease(failed!, "lease-2", Now.AddMinutes(1), TimeSpan.FromMinutes(2)).Next!;
    }
}
