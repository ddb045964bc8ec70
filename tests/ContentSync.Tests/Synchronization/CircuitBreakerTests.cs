using ContentSync.AlipayHk;
using ContentSync.Synchronization;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization;

public sealed class CircuitBreakerTests
{
    private static readonly SynchronizeResult Success = new(SynchronizeResultKind.Succeeded, "SUCCESS", "");
    private static readonly SynchronizeResult Failure = new(SynchronizeResultKind.Retryable, "Timeout", "late");
    private static readonly SynchronizeResult Fault =
        new(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "wrong key") { Verification = SignatureVerification.Valid };

    private static readonly SynchronizeResult Refusal =
        new(SynchronizeResultKind.ConfigurationFault, ClientCodes.HttpStatus, "HTTP 403") { Verification = SignatureVerification.Unsigned };

    private readonly RecoverabilityOptions _options = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CircuitBreaker _breaker;
    private int _items;

    public CircuitBreakerTests() => _breaker = new CircuitBreaker(_options, _time);

    [Fact]
    public void Stays_closed_while_calls_succeed()
    {
        for (var i = 0; i < 1_000; i++) Report(Enter(), Success);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Trips_at_the_first_signed_configuration_fault()
    {
        Report(Enter(), Fault);
        Assert.Equal(TripCause.ConfigurationFault, _breaker.OpenState!.Cause);
        Assert.Equal("INVALID_SIGNATURE", _breaker.OpenState.Code);
        Assert.False(_breaker.TryEnter(Next(), out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
    }

    [Theory]
    [InlineData(SignatureVerification.Valid, TripCause.Breaker, "UNKNOWN_EXCEPTION")]
    [InlineData(SignatureVerification.Unsigned, TripCause.ConfigurationFault, "INVALID_SIGNATURE")]
    public void A_signed_failure_of_a_probe_shows_that_the_configuration_fault_is_corrected(
        SignatureVerification verification, TripCause cause, string code)
    {
        Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);

        Report(Enter(), new SynchronizeResult(SynchronizeResultKind.Retryable, "UNKNOWN_EXCEPTION", "later") { Verification = verification });

        Assert.Equal((cause, code), (_breaker.OpenState!.Cause, _breaker.OpenState.Code));
    }

    [Fact]
    public void Trips_only_after_consecutive_failures()
    {
        for (var i = 0; i < 100; i++)
        {
            for (var j = 1; j < _options.BreakerThreshold; j++) Report(Enter(), Failure);
            Report(Enter(), Success);
        }

        Assert.Null(_breaker.OpenState);
        for (var j = 0; j < _options.BreakerThreshold; j++) Report(Enter(), Failure);
        Assert.Equal(TripCause.Breaker, _breaker.OpenState!.Cause);
    }

    [Fact]
    public void Does_not_count_a_rejection_as_a_failure()
    {
        for (var i = 0; i < 100; i++)
        {
            for (var j = 1; j < _options.BreakerThreshold; j++) Report(Enter(), Failure);
            Report(Enter(), new SynchronizeResult(SynchronizeResultKind.Rejected, "CONTENT_RISKY", ""));
        }

        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Lets_one_probe_through_per_interval()
    {
        Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(Next(), out var probe, out _));
        Assert.True(probe.IsProbe);
        Assert.False(_breaker.TryEnter(Next(), out _, out _));
        Report(probe, Fault);
        Assert.False(_breaker.TryEnter(Next(), out _, out _));
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(Next(), out _, out _));
    }

    [Fact]
    public void Resets_when_a_probe_succeeds()
    {
        var since = _time.GetUtcNow();
        Report(Enter(), Fault);
        Assert.Equal(since, _breaker.OpenState!.Since);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(Next(), out var probe, out _));
        Report(probe, Success);
        Assert.Null(_breaker.OpenState);
        Assert.False(Enter().IsProbe);
    }

    [Fact]
    public void Stays_open_when_a_call_from_before_the_trip_succeeds()
    {
        var early = Enter();
        Report(Enter(), Fault);
        Report(early, Success);
        Assert.NotNull(_breaker.OpenState);
    }

    [Fact]
    public void Stays_closed_when_calls_from_before_the_trip_fail_after_the_reset()
    {
        var early = Enumerable.Range(0, _options.BreakerThreshold).Select(_ => Enter()).ToList();
        Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(Next(), out var probe, out _));
        Report(probe, Success);
        foreach (var permit in early) Report(permit, Failure);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Lets_another_probe_through_when_a_permit_is_returned_unused()
    {
        Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(Next(), out var probe, out _));
        _breaker.Return(probe);
        Assert.True(_breaker.TryEnter(Next(), out var second, out _));
        Assert.True(second.IsProbe);
    }

    [Fact]
    public void Does_not_delay_the_next_probe_when_the_clock_jumps_back()
    {
        // FakeTimeProvider cannot go back, so this test uses its own clock.
        var clock = new JumpingClock(_time.GetUtcNow() + TimeSpan.FromDays(1));
        var breaker = new CircuitBreaker(_options, clock);
        Assert.True(breaker.TryEnter("A", out var permit, out _));
        breaker.Report(permit, "A", Fault, isItemAtFault: false);
        clock.Now -= TimeSpan.FromDays(1);
        Assert.False(breaker.TryEnter("B", out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
        clock.Now += _options.ProbeInterval;
        Assert.True(breaker.TryEnter("B", out _, out _));
    }

    [Fact]
    public void Trips_at_an_unsigned_refusal_once_a_second_item_is_refused_too()
    {
        Report(Enter("A"), Refusal, "A");
        Report(Enter("A"), Refusal, "A");
        Assert.Null(_breaker.OpenState);
        Report(Enter("B"), Refusal, "B");
        Assert.Equal(TripCause.ConfigurationFault, _breaker.OpenState!.Cause);
    }

    [Fact]
    public void Forgets_an_unsigned_refusal_when_a_later_call_succeeds()
    {
        var early = Enter("C");
        _time.Advance(TimeSpan.FromSeconds(1));
        Report(Enter("A"), Refusal, "A");
        Report(Enter("B"), Success, "B");
        Report(Enter("C"), Refusal, "C");
        Assert.Null(_breaker.OpenState);

        // A call that began before the refusal does not disprove it.
        Report(early, Success, "C");
        Report(Enter("D"), Refusal, "D");
        Assert.NotNull(_breaker.OpenState);
    }

    [Fact]
    public void Trips_when_a_single_item_is_refused_again_after_a_probe_interval_without_any_success()
    {
        Report(Enter("A"), Refusal, "A");
        _time.Advance(_options.ProbeInterval - TimeSpan.FromTicks(1));
        Report(Enter("A"), Refusal, "A");
        Assert.Null(_breaker.OpenState);
        _time.Advance(TimeSpan.FromTicks(1));
        Report(Enter("A"), Refusal, "A");
        Assert.Equal(TripCause.ConfigurationFault, _breaker.OpenState!.Cause);
    }

    [Fact]
    public void Trips_at_once_at_a_clock_fault_which_two_items_have_shown()
    {
        Report(Enter("A"), Refusal with { Code = ClientCodes.ClockFault, Verification = SignatureVerification.Outdated }, "A");
        Assert.NotNull(_breaker.OpenState);
    }

    [Fact]
    public void Stays_closed_while_a_single_item_fails()
    {
        for (var i = 0; i < 100; i++) Report(Enter("A"), Failure, "A");
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Stays_closed_when_an_item_at_fault_fails()
    {
        for (var i = 0; i < 100; i++)
        {
            Report(Enter("A"), i % 2 == 0 ? Refusal : Fault, "A", isItemAtFault: true);
            Report(Enter("B"), Failure, "B", isItemAtFault: true);
        }

        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Leaves_the_next_probe_to_the_others_when_the_probe_of_an_item_failed()
    {
        Report(Enter("A"), Fault, "A");
        _time.Advance(_options.ProbeInterval);
        Assert.False(_breaker.TryEnter("A", out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
        var probe = Enter("B");
        Report(probe, Failure, "B");
        _time.Advance(_options.ProbeInterval);
        foreach (var failed in (string[])["A", "B"]) Assert.False(_breaker.TryEnter(failed, out _, out _));
        Report(Enter("C"), Success, "C");
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Lets_the_same_item_probe_again_when_no_other_did_within_a_probe_interval()
    {
        Report(Enter("A"), Fault, "A");
        _time.Advance(2 * _options.ProbeInterval);
        Report(Enter("A"), Success, "A");
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Lets_the_same_item_probe_again_although_another_one_keeps_returning_its_permit_unused()
    {
        for (var j = 0; j < _options.BreakerThreshold; j++) Report(Enter(), Failure);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter("always fails", out var failing, out _));
        _breaker.Report(failing, "always fails", Failure, isItemAtFault: false);

        // A parked item asks for a permit before the ledger says that there is nothing to send.
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter("parked", out var unused, out _));
        _breaker.Return(unused);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter("parked", out unused, out _));
        _breaker.Return(unused);
        Assert.True(_breaker.TryEnter("always fails", out _, out _));
    }

    [Fact]
    public void Waits_for_an_interval_after_a_probe_that_is_refused_without_a_signature()
    {
        Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(Next(), out var probe, out _));
        _breaker.Report(probe, "refused", Refusal, isItemAtFault: true);
        Assert.False(_breaker.TryEnter(Next(), out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
    }

    [Fact]
    public void Reports_when_the_newest_successful_call_began_and_the_failures_since()
    {
        Assert.Equal(new SendEvidence(null, 0, false), _breaker.EvidenceFor(Enter()));
        Report(Enter("A"), Failure, "A");
        var startedAt = _time.GetUtcNow();
        var success = Enter("B");
        _time.Advance(TimeSpan.FromSeconds(1));
        Report(success, Success, "B");
        Report(Enter("A"), Failure, "A");
        Report(Enter("A"), Failure, "A");
        Report(Enter("C"), Failure, "C");
        var permit = Enter();
        Assert.Equal(new SendEvidence(startedAt, 2, false), _breaker.EvidenceFor(permit));
        Report(Enter("D"), Fault, "D");
        Assert.True(_breaker.EvidenceFor(permit).IsOpen);
    }

    private SendPermit Enter(string? contentId = null)
    {
        Assert.True(_breaker.TryEnter(contentId ?? Next(), out var permit, out _));
        return permit;
    }

    // A new item, because failures of the same item count once.
    private string Next() => $"item-{_items++}";

    private void Report(SendPermit permit, SynchronizeResult result, string? contentId = null, bool isItemAtFault = false) =>
        _breaker.Report(permit, contentId ?? Next(), result, isItemAtFault);

    private sealed class JumpingClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
