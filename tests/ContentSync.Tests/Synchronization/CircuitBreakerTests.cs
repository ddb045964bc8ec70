using ContentSync.AlipayHk;
using ContentSync.Synchronization;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization;

public sealed class CircuitBreakerTests
{
    private static readonly SynchronizeResult Success = new(SynchronizeResultKind.Succeeded, "SUCCESS", "");
    private static readonly SynchronizeResult Failure = new(SynchronizeResultKind.Retryable, "Timeout", "late");
    private static readonly SynchronizeResult Fault = new(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "wrong key");

    private readonly RecoverabilityOptions _options = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CircuitBreaker _breaker;

    public CircuitBreakerTests() => _breaker = new CircuitBreaker(_options, _time);

    [Fact]
    public void Stays_closed_while_calls_succeed()
    {
        for (var i = 0; i < 1_000; i++) _breaker.Report(Enter(), Success);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Trips_at_the_first_configuration_fault()
    {
        _breaker.Report(Enter(), Fault);
        Assert.Equal(TripCause.ConfigurationFault, _breaker.OpenState!.Cause);
        Assert.Equal("INVALID_SIGNATURE", _breaker.OpenState.Code);
        Assert.False(_breaker.TryEnter(out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
    }

    [Fact]
    public void Trips_only_after_consecutive_failures()
    {
        for (var i = 0; i < 100; i++)
        {
            for (var j = 1; j < _options.BreakerThreshold; j++) _breaker.Report(Enter(), Failure);
            _breaker.Report(Enter(), Success);
        }

        Assert.Null(_breaker.OpenState);
        for (var j = 0; j < _options.BreakerThreshold; j++) _breaker.Report(Enter(), Failure);
        Assert.Equal(TripCause.Breaker, _breaker.OpenState!.Cause);
    }

    [Fact]
    public void Does_not_count_a_rejection_as_a_failure()
    {
        for (var i = 0; i < 100; i++)
        {
            for (var j = 1; j < _options.BreakerThreshold; j++) _breaker.Report(Enter(), Failure);
            _breaker.Report(Enter(), new SynchronizeResult(SynchronizeResultKind.Rejected, "CONTENT_RISKY", ""));
        }

        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Lets_one_probe_through_per_interval()
    {
        _breaker.Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(out var probe, out _));
        Assert.True(probe.IsProbe);
        Assert.False(_breaker.TryEnter(out _, out _));
        _breaker.Report(probe, Fault);
        Assert.False(_breaker.TryEnter(out _, out _));
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(out _, out _));
    }

    [Fact]
    public void Resets_when_a_probe_succeeds()
    {
        var since = _time.GetUtcNow();
        _breaker.Report(Enter(), Fault);
        Assert.Equal(since, _breaker.OpenState!.Since);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(out var probe, out _));
        _breaker.Report(probe, Success);
        Assert.Null(_breaker.OpenState);
        Assert.False(Enter().IsProbe);
    }

    [Fact]
    public void Stays_open_when_a_call_from_before_the_trip_succeeds()
    {
        var early = Enter();
        _breaker.Report(Enter(), Fault);
        _breaker.Report(early, Success);
        Assert.NotNull(_breaker.OpenState);
    }

    [Fact]
    public void Stays_closed_when_calls_from_before_the_trip_fail_after_the_reset()
    {
        var early = Enumerable.Range(0, _options.BreakerThreshold).Select(_ => Enter()).ToList();
        _breaker.Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(out var probe, out _));
        _breaker.Report(probe, Success);
        foreach (var permit in early) _breaker.Report(permit, Failure);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public void Lets_another_probe_through_when_a_permit_is_returned_unused()
    {
        _breaker.Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_breaker.TryEnter(out var probe, out _));
        _breaker.Return(probe);
        Assert.True(_breaker.TryEnter(out var second, out _));
        Assert.True(second.IsProbe);
    }

    [Fact]
    public void Does_not_delay_the_next_probe_when_the_clock_jumps_back()
    {
        // FakeTimeProvider cannot go back, so this test uses its own clock.
        var clock = new JumpingClock(_time.GetUtcNow() + TimeSpan.FromDays(1));
        var breaker = new CircuitBreaker(_options, clock);
        Assert.True(breaker.TryEnter(out var permit, out _));
        breaker.Report(permit, Fault);
        clock.Now -= TimeSpan.FromDays(1);
        Assert.False(breaker.TryEnter(out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
        clock.Now += _options.ProbeInterval;
        Assert.True(breaker.TryEnter(out _, out _));
    }

    private SendPermit Enter()
    {
        Assert.True(_breaker.TryEnter(out var permit, out _));
        return permit;
    }

    private sealed class JumpingClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
