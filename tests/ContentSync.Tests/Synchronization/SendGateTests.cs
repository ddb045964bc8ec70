using ContentSync.AlipayHk;
using ContentSync.Synchronization;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization;

public sealed class SendGateTests
{
    private static readonly SynchronizeResult Success = new(SynchronizeResultKind.Succeeded, "SUCCESS", "");
    private static readonly SynchronizeResult Failure = new(SynchronizeResultKind.Retryable, "Timeout", "late");
    private static readonly SynchronizeResult Fault = new(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "wrong key");

    private readonly RecoverabilityOptions _options = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CircuitBreaker _gate;

    public SendGateTests() => _gate = new CircuitBreaker(_options, _time);

    [Fact]
    public void Lets_everything_through_while_nothing_is_wrong()
    {
        for (var i = 0; i < 1_000; i++) _gate.Report(Enter(), Success);
        Assert.Null(_gate.OpenState);
    }

    [Fact]
    public void Stops_at_the_first_configuration_fault()
    {
        _gate.Report(Enter(), Fault);
        Assert.Equal(TripCause.ConfigurationFault, _gate.OpenState!.Cause);
        Assert.Equal("INVALID_SIGNATURE", _gate.OpenState.Code);
        Assert.False(_gate.TryEnter(out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
    }

    [Fact]
    public void Stops_after_failures_in_a_row_only()
    {
        for (var i = 0; i < 100; i++)
        {
            for (var j = 1; j < _options.BreakerThreshold; j++) _gate.Report(Enter(), Failure);
            _gate.Report(Enter(), Success);
        }

        Assert.Null(_gate.OpenState);
        for (var j = 0; j < _options.BreakerThreshold; j++) _gate.Report(Enter(), Failure);
        Assert.Equal(TripCause.Breaker, _gate.OpenState!.Cause);
    }

    [Fact]
    public void Counts_a_rejection_as_a_sign_of_life()
    {
        for (var i = 0; i < 100; i++)
        {
            for (var j = 1; j < _options.BreakerThreshold; j++) _gate.Report(Enter(), Failure);
            _gate.Report(Enter(), new SynchronizeResult(SynchronizeResultKind.Rejected, "CONTENT_RISKY", ""));
        }

        Assert.Null(_gate.OpenState);
    }

    [Fact]
    public void Lets_one_probe_through_per_interval()
    {
        _gate.Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_gate.TryEnter(out var probe, out _));
        Assert.True(probe.IsProbe);
        Assert.False(_gate.TryEnter(out _, out _));
        _gate.Report(probe, Fault);
        Assert.False(_gate.TryEnter(out _, out _));
        _time.Advance(_options.ProbeInterval);
        Assert.True(_gate.TryEnter(out _, out _));
    }

    [Fact]
    public void Opens_when_a_probe_is_answered()
    {
        var since = _time.GetUtcNow();
        _gate.Report(Enter(), Fault);
        Assert.Equal(since, _gate.OpenState!.Since);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_gate.TryEnter(out var probe, out _));
        _gate.Report(probe, Success);
        Assert.Null(_gate.OpenState);
        Assert.False(Enter().IsProbe);
    }

    [Fact]
    public void Stays_stopped_when_a_call_from_before_the_stop_succeeds()
    {
        var early = Enter();
        _gate.Report(Enter(), Fault);
        _gate.Report(early, Success);
        Assert.NotNull(_gate.OpenState);
    }

    [Fact]
    public void Stays_open_when_calls_from_before_the_stop_fail_late()
    {
        var early = Enumerable.Range(0, _options.BreakerThreshold).Select(_ => Enter()).ToList();
        _gate.Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_gate.TryEnter(out var probe, out _));
        _gate.Report(probe, Success);
        foreach (var permit in early) _gate.Report(permit, Failure);
        Assert.Null(_gate.OpenState);
    }

    [Fact]
    public void Gives_the_probe_to_another_when_it_comes_back_unused()
    {
        _gate.Report(Enter(), Fault);
        _time.Advance(_options.ProbeInterval);
        Assert.True(_gate.TryEnter(out var probe, out _));
        _gate.Return(probe);
        Assert.True(_gate.TryEnter(out var second, out _));
        Assert.True(second.IsProbe);
    }

    [Fact]
    public void Is_not_stopped_for_longer_by_a_clock_that_jumps_back()
    {
        // FakeTimeProvider refuses to go back, so the gate is given a clock that did.
        var clock = new JumpingClock(_time.GetUtcNow() + TimeSpan.FromDays(1));
        var gate = new CircuitBreaker(_options, clock);
        Assert.True(gate.TryEnter(out var permit, out _));
        gate.Report(permit, Fault);
        clock.Now -= TimeSpan.FromDays(1);
        Assert.False(gate.TryEnter(out _, out var wait));
        Assert.Equal(_options.ProbeInterval, wait);
        clock.Now += _options.ProbeInterval;
        Assert.True(gate.TryEnter(out _, out _));
    }

    private SendPermit Enter()
    {
        Assert.True(_gate.TryEnter(out var permit, out _));
        return permit;
    }

    private sealed class JumpingClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
