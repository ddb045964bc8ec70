using ContentSync.AlipayHk;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Synchronization;

public sealed class RecoverabilityPolicyTests
{
    private static readonly RecoverabilityOptions Options = new();

    [Fact]
    public void Completes_what_succeeded() =>
        Assert.IsType<RecoverabilityDecision.Complete>(Decide(new SynchronizeResult(SynchronizeResultKind.Succeeded, "SUCCESS", "")));

    [Fact]
    public void Parks_what_was_rejected_on_the_first_attempt()
    {
        var parked = Assert.IsType<RecoverabilityDecision.Park>(Decide(new SynchronizeResult(SynchronizeResultKind.Rejected, "CONTENT_RISKY", "Risky.")));
        Assert.Equal(ParkReason.Rejected, parked.Reason);
        Assert.Contains("CONTENT_RISKY", parked.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 10)]
    [InlineData(3, 10)]
    [InlineData(4, 60)]
    [InlineData(5, 120)]
    [InlineData(6, 360)]
    [InlineData(7, 900)]
    public void Waits_longer_after_each_attempt(int attempts, int longestMinutes)
    {
        Assert.Equal(TimeSpan.FromMinutes(longestMinutes), Delay(Failed(), attempts, jitter: 1));
        Assert.Equal(TimeSpan.FromMinutes(longestMinutes) / 4, Delay(Failed(), attempts, jitter: 0.25));
        Assert.Equal(TimeSpan.Zero, Delay(Failed(), attempts, jitter: 0));
    }

    [Fact]
    public void Repeats_the_last_wait_where_attempts_outnumber_the_waits()
    {
        var options = new RecoverabilityOptions { MaxAttempts = 20 };
        var decision = RecoverabilityPolicy.Decide(options, Failed(), 15, TimeSpan.Zero, 1);
        Assert.Equal(TimeSpan.FromHours(15), Assert.IsType<RecoverabilityDecision.DelayedRetry>(decision).Delay);
    }

    [Fact]
    public void Honours_retry_after_without_jitter() =>
        Assert.Equal(TimeSpan.FromSeconds(7), Delay(Failed() with { RetryAfter = TimeSpan.FromSeconds(7) }, 1, jitter: 0.1));

    [Fact]
    public void Does_not_believe_a_retry_after_beyond_the_limit() =>
        Assert.Equal(Options.MaxRetryAfter, Delay(Failed() with { RetryAfter = TimeSpan.FromDays(30) }, 1, jitter: 0.1));

    [Fact]
    public void Parks_when_AlipayHk_has_said_no_often_enough()
    {
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Answered(), Options.MaxAttempts - 1));
        Assert.Equal(ParkReason.AttemptsExhausted, Assert.IsType<RecoverabilityDecision.Park>(Decide(Answered(), Options.MaxAttempts)).Reason);
    }

    [Fact]
    public void Gives_twice_as_many_attempts_where_AlipayHk_may_merely_be_down()
    {
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Failed(), (Options.MaxAttempts * 2) - 1));
        Assert.Equal(ParkReason.AttemptsExhausted, Assert.IsType<RecoverabilityDecision.Park>(Decide(Failed(), Options.MaxAttempts * 2)).Reason);
    }

    [Fact]
    public void Parks_what_is_too_old_once_half_of_its_attempts_are_spent()
    {
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Failed(), Options.MaxAttempts / 2, Options.MaxAge - TimeSpan.FromTicks(1)));
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Failed(), (Options.MaxAttempts / 2) - 1, Options.MaxAge));
        Assert.Equal(ParkReason.AgeExceeded, Assert.IsType<RecoverabilityDecision.Park>(Decide(Failed(), Options.MaxAttempts / 2, Options.MaxAge)).Reason);
    }

    [Theory]
    [InlineData(SynchronizeResultKind.ConfigurationFault)]
    [InlineData(SynchronizeResultKind.SigningUnavailable)]
    public void Never_parks_an_item_for_what_is_not_its_fault(SynchronizeResultKind verdict) =>
        Assert.IsType<RecoverabilityDecision.Defer>(Decide(new SynchronizeResult(verdict, "X", ""), attempts: 1_000, age: TimeSpan.FromDays(1_000)));

    [Fact]
    public void Pauses_as_long_as_a_throttled_signer_asks() =>
        Assert.Equal(
            TimeSpan.FromSeconds(3),
            Assert.IsType<RecoverabilityDecision.Defer>(Decide(new SynchronizeResult(SynchronizeResultKind.SigningUnavailable, "X", "") { RetryAfter = TimeSpan.FromSeconds(3) })).Delay);

    private static SynchronizeResult Failed() => new(SynchronizeResultKind.Retryable, ClientCodes.Timeout, "no answer");

    private static SynchronizeResult Answered() => new(SynchronizeResultKind.Retryable, "UNKNOWN_EXCEPTION", "please retry") { Verification = SignatureVerification.Valid };

    private static RecoverabilityDecision Decide(SynchronizeResult answer, int attempts = 1, TimeSpan age = default, double jitter = 0.5) =>
        RecoverabilityPolicy.Decide(Options, answer, attempts, age, jitter);

    private static TimeSpan Delay(SynchronizeResult answer, int attempts, double jitter) =>
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(answer, attempts, jitter: jitter)).Delay;
}
