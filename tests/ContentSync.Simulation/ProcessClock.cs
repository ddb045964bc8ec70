namespace ContentSync.Simulation;

/// <summary>
/// The clock of one process: its wall clock can jump, its monotonic timer does not. Its timers stop with the process, and fire late while it is
/// frozen.
/// </summary>
internal sealed class ProcessClock(VirtualTime time, Action<Action> whenRunning) : TimeProvider
{
    /// <summary>Deviation of the wall clock from the true time.</summary>
    public TimeSpan Offset { get; set; }

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => time.Now + Offset;

    public override long GetTimestamp() => time.Elapsed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(time, whenRunning, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(VirtualTime time, Action<Action> whenRunning, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private int _changes;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            Set(dueTime);
            return true;
        }

        public void Dispose() => _changes++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Set(TimeSpan dueTime)
        {
            var change = ++_changes;
            if (dueTime < TimeSpan.Zero) return;
            time.After(dueTime, () => whenRunning(() =>
            {
                if (change != _changes) return;
                if (_period > TimeSpan.Zero) Set(_period);
                callback(state);
            }));
        }
    }
}
