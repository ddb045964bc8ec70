using ContentSync.Benchmarks.Resync.Simulation;

namespace ContentSync.Benchmarks.Budget;

/// <summary>The clocks of one process: its wall clock may be wrong, and while the process is frozen, its timers fire late.</summary>
internal sealed class InstanceClock(VirtualTime time) : TimeProvider
{
    private TimeSpan _thawsAt;

    /// <summary>Error of the wall clock.</summary>
    public TimeSpan WallError { get; set; }

    public bool IsDead { get; private set; }

    public override long TimestampFrequency => time.TimestampFrequency;

    public override long GetTimestamp() => time.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + WallError;

    public void Freeze(TimeSpan duration) => _thawsAt = time.Elapsed + duration;

    /// <summary>Nothing of the process runs again.</summary>
    public void Kill() => IsDead = true;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new InstanceTimer(this, callback, state);
        timer.Start(time, dueTime);
        return timer;
    }

    /// <summary>A timer that fires when the process runs again.</summary>
    private sealed class InstanceTimer(InstanceClock clock, TimerCallback callback, object? state) : ITimer
    {
        private ITimer? _inner;

        public void Start(VirtualTime time, TimeSpan dueTime)
        {
            _inner = time.CreateTimer(_ => Fire(time), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Change(dueTime, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => _inner!.Change(dueTime, period);

        public void Dispose() => _inner!.Dispose();

        public ValueTask DisposeAsync() => _inner!.DisposeAsync();

        private void Fire(VirtualTime time)
        {
            if (clock.IsDead) return;
            if (time.Elapsed < clock._thawsAt) Change(clock._thawsAt - time.Elapsed, Timeout.InfiniteTimeSpan);
            else callback(state);
        }
    }
}
