using ContentSync.AlipayHk;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Synchronization;

public sealed class RecoverabilityPolicyTests
{
    private static readonly RecoverabilityOptions Options = new();
    private static readonly DateTimeOffset LastFailure = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly SendEvidence Evidence = new(LastFailure + TimeSpan.FromSeconds(1), FailuresInARow: 0, IsOpen: false);

    [Fact]
    public void Completes_an_item_that_succeeded() =>
        Assert.IsType<RecoverabilityDecision.Complete>(Decide(new SynchronizeResult(SynchronizeResultKind.Succeeded, "SUCCESS", "")));

    [Fact]
    public void Parks_a_rejected_item_at_the_first_attempt()
    {
        var parked = Assert.IsType<RecoverabilityDecision.Park>(
            Decide(new SynchronizeResult(SynchronizeResultKind.Rejected, "CONTENT_RISKY", "Risky.")));
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
    public void Increases_the_back_off_with_each_attempt(int attempts, int maxMinutes)
    {
        Assert.Equal(TimeSpan.FromMinutes(maxMinutes), Delay(Failed(), attempts, jitter: 1));
        Assert.Equal(TimeSpan.FromMinutes(maxMinutes) / 4, Delay(Failed(), attempts, jitter: 0.25));
        Assert.Equal(TimeSpan.Zero, Delay(Failed(), attempts, jitter: 0));
    }

    [Fact]
    public void Repeats_the_last_back_off_if_there_are_more_attempts_than_back_offs()
    {
        var options = new RecoverabilityOptions { MaxAttempts = 20 };
        var decision = RecoverabilityPolicy.Decide(options, Failed(), 15, TimeSpan.Zero, 1, isItemAtFault: false);
        Assert.Equal(TimeSpan.FromHours(15), Assert.IsType<RecoverabilityDecision.DelayedRetry>(decision).Delay);
    }

    [Fact]
    public void Honours_Retry_After_without_jitter() =>
        Assert.Equal(TimeSpan.FromSeconds(7), Delay(Failed() with { RetryAfter = TimeSpan.FromSeconds(7) }, 1, jitter: 0.1));

    [Fact]
    public void Limits_Retry_After() =>
        Assert.Equal(Options.MaxRetryAfter, Delay(Failed() with { RetryAfter = TimeSpan.FromDays(30) }, 1, jitter: 0.1));

    [Fact]
    public void Parks_after_the_maximum_number_of_attempts_with_signed_responses()
    {
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Signed(), Options.MaxAttempts - 1));
        Assert.Equal(ParkReason.AttemptsExhausted, Assert.IsType<RecoverabilityDecision.Park>(Decide(Signed(), Options.MaxAttempts)).Reason);
    }

    [Fact]
    public void Allows_twice_as_many_attempts_while_AlipayHK_may_only_be_down()
    {
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Failed(), (Options.MaxAttempts * 2) - 1));
        Assert.Equal(ParkReason.AttemptsExhausted, Assert.IsType<RecoverabilityDecision.Park>(Decide(Failed(), Options.MaxAttempts * 2)).Reason);
    }

    [Fact]
    public void Parks_an_item_that_is_too_old_once_half_of_its_attempts_are_spent()
    {
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Failed(), Options.MaxAttempts / 2, Options.MaxAge - TimeSpan.FromTicks(1)));
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(Failed(), (Options.MaxAttempts / 2) - 1, Options.MaxAge));
        var parked = Assert.IsType<RecoverabilityDecision.Park>(Decide(Failed(), Options.MaxAttempts / 2, Options.MaxAge));
        Assert.Equal(ParkReason.AgeExceeded, parked.Reason);
    }

    [Theory]
    [InlineData(SynchronizeResultKind.ConfigurationFault)]
    [InlineData(SynchronizeResultKind.SigningUnavailable)]
    public void Never_parks_an_item_that_is_not_the_cause(SynchronizeResultKind verdict) =>
        Assert.IsType<RecoverabilityDecision.Defer>(Decide(new SynchronizeResult(verdict, "X", ""), attempts: 1_000, age: TimeSpan.FromDays(1_000)));

    [Fact]
    public void Defers_for_as_long_as_a_throttled_signer_asks()
    {
        var throttled = new SynchronizeResult(SynchronizeResultKind.SigningUnavailable, "X", "") { RetryAfter = TimeSpan.FromSeconds(3) };
        Assert.Equal(TimeSpan.FromSeconds(3), Assert.IsType<RecoverabilityDecision.Defer>(Decide(throttled)).Delay);
    }

    [Theory]
    [InlineData(SynchronizeResultKind.ConfigurationFault, ClientCodes.HttpStatus)]
    [InlineData(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE")]
    [InlineData(SynchronizeResultKind.Retryable, ClientCodes.Timeout)]
    [InlineData(SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed)]
    public void Parks_an_item_at_fault_when_its_attempts_are_spent_or_it_is_too_old(SynchronizeResultKind kind, string code)
    {
        var result = new SynchronizeResult(kind, code, "refused");
        var limit = Options.MaxAttempts * 2;
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(result, limit - 1, isItemAtFault: true));
        AssertExhausted(Decide(result, limit, isItemAtFault: true), limit);
        AssertExhausted(Decide(result, Options.MaxAttempts / 2, Options.MaxAge, isItemAtFault: true), Options.MaxAttempts / 2);

        static void AssertExhausted(RecoverabilityDecision decision, int attempts)
        {
            var parked = Assert.IsType<RecoverabilityDecision.Park>(decision);
            Assert.Equal(ParkReason.AttemptsExhausted, parked.Reason);
            Assert.StartsWith($"All {attempts} attempts failed while other items succeeded", parked.Description, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(FailuresOfTheItemItself))]
    public void Blames_an_item_that_fails_again_although_others_succeeded_since_its_last_failure(SynchronizeResult result) =>
        Assert.True(IsItemAtFault(result));

    public static TheoryData<SynchronizeResult> FailuresOfTheItemItself { get; } =
    [
        new(SynchronizeResultKind.ConfigurationFault, ClientCodes.HttpStatus, "403") { Verification = SignatureVerification.Unsigned },
        new(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "") { Verification = SignatureVerification.Valid },
        new(SynchronizeResultKind.Retryable, ClientCodes.Timeout, ""),
        new(SynchronizeResultKind.Retryable, ClientCodes.OutdatedResponse, "") { Verification = SignatureVerification.Outdated },
    ];

    [Theory]
    [InlineData(SynchronizeResultKind.Succeeded)]
    [InlineData(SynchronizeResultKind.Rejected)]
    [InlineData(SynchronizeResultKind.SigningUnavailable)]
    public void Blames_no_item_for_another_result(SynchronizeResultKind kind) =>
        Assert.False(IsItemAtFault(new SynchronizeResult(kind, "X", "")));

    [Fact]
    public void Does_not_blame_an_item_for_a_signed_failure_which_spends_attempts_anyway() => Assert.False(IsItemAtFault(Signed()));

    [Theory]
    [InlineData(null)]
    [InlineData(ResultCodes.Success)]
    [InlineData(ClientCodes.SigningUnavailable)]
    [InlineData(ClientCodes.SendBudgetSpent)]
    public void Does_not_blame_an_item_for_its_first_failure(string? lastCode) => Assert.False(IsItemAtFault(Failed(), lastCode));

    [Fact]
    public void Does_not_blame_an_item_if_no_other_succeeded_since_its_last_failure()
    {
        Assert.False(IsItemAtFault(Failed(), evidence: Evidence with { SucceededAt = null }));
        Assert.False(IsItemAtFault(Failed(), evidence: Evidence with { SucceededAt = LastFailure }));
    }

    [Fact]
    public void Does_not_blame_an_item_for_a_failure_that_would_trip_the_circuit_breaker_or_while_it_is_open()
    {
        Assert.True(IsItemAtFault(Failed(), evidence: Evidence with { FailuresInARow = Options.BreakerThreshold - 2 }));
        Assert.False(IsItemAtFault(Failed(), evidence: Evidence with { FailuresInARow = Options.BreakerThreshold - 1 }));
        Assert.False(IsItemAtFault(Failed(), evidence: Evidence with { IsOpen = true }));
    }

    [Fact]
    public void Blames_an_item_even_if_a_single_failure_trips_the_circuit_breaker()
    {
        var options = new RecoverabilityOptions { BreakerThreshold = 1 };
        Assert.True(RecoverabilityPolicy.IsItemAtFault(options, Last(ClientCodes.Timeout), Failed(), Evidence));
        Assert.False(RecoverabilityPolicy.IsItemAtFault(options, Last(ClientCodes.Timeout), Failed(), Evidence with { FailuresInARow = 1 }));
    }

    private static SyncAttempt? Last(string? code) => code is null ? null : new SyncAttempt(LastFailure, "request", code, "", null);

    private static bool IsItemAtFault(SynchronizeResult result, string? lastCode = ClientCodes.Timeout, SendEvidence? evidence = null) =>
        RecoverabilityPolicy.IsItemAtFault(Options, Last(lastCode), result, evidence ?? Evidence);

    private static SynchronizeResult Failed() => new(SynchronizeResultKind.Retryable, ClientCodes.Timeout, "no response");

    private static SynchronizeResult Signed() =>
        new(SynchronizeResultKind.Retryable, "UNKNOWN_EXCEPTION", "please retry") { Verification = SignatureVerification.Valid };

    private static RecoverabilityDecision Decide(
        SynchronizeResult result, int attempts = 1, TimeSpan age = default, double jitter = 0.5, bool isItemAtFault = false) =>
        RecoverabilityPolicy.Decide(Options, result, attempts, age, jitter, isItemAtFault);

    private static TimeSpan Delay(SynchronizeResult result, int attempts, double jitter) =>
        Assert.IsType<RecoverabilityDecision.DelayedRetry>(Decide(result, attempts, jitter: jitter)).Delay;
}
