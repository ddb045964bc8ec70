namespace ContentSync.Benchmarks.Resync.Simulation;

/// <summary>A clock that jumps from one timer to the next as fast as the machine can, as soon as all tasks wait.</summary>
internal sealed class VirtualTime : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Lock _lock = new();
    private readonly PriorityQueue<(VirtualTimer Timer, long Setting), (long Due, long Order)> _due = new();
    private long _now;
    private long _order;
    private int _armed;

    /// <summary>Timers that have not fired yet.</summary>
    public int Armed
    {
        get
        {
            lock (_lock) return _armed;
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Elapsed => new(GetTimestamp());

    public override long GetTimestamp()
    {
        lock (_lock) return _now;
    }

    public override DateTimeOffset GetUtcNow() => Epoch + Elapsed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan) throw new NotSupportedException("Timers fire once.");
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Fires all timers until then, in order, each only when <paramref name="allWait"/> returns true.</summary>
    public void Run(TimeSpan until, Func<bool> allWait)
    {
        var spin = default(SpinWait);
        while (true)
        {
            while (!allWait()) spin.SpinOnce(sleep1Threshold: -1);
            spin.Reset();
            if (!FireNext(until.Ticks)) return;
        }
    }

    private bool FireNext(long until)
    {
        VirtualTimer? timer = null;
        lock (_lock)
        {
            while (timer is null)
            {
                if (!_due.TryPeek(out var next, out var at) || at.Due > until)
                {
                    _now = until;
                    return false;
                }

                _due.Dequeue();
                if (next.Timer.Setting != next.Setting) continue;
                _now = Math.Max(_now, at.Due);
                timer = next.Timer;
                timer.Set(isArmed: false);
            }
        }

        timer.Callback(timer.State);
        return true;
    }

    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        public TimerCallback Callback => callback;

        public object? State => state;

        private bool _isArmed;

        public long Setting { get; private set; }

        public void Set(bool isArmed)
        {
            Setting = ++time._order;
            time._armed += (isArmed ? 1 : 0) - (_isArmed ? 1 : 0);
            _isArmed = isArmed;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                Set(isArmed: dueTime != Timeout.InfiniteTimeSpan);
                if (_isArmed) time._due.Enqueue((this, Setting), (time._now + dueTime.Ticks, Setting));
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._lock) Set(isArmed: false);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
