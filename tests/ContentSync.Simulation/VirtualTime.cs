namespace ContentSync.Simulation;

/// <summary>The true time of a simulation and its scheduled actions. Single-threaded.</summary>
internal sealed class VirtualTime
{
    /// <summary>Start time of every simulation.</summary>
    public static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Action, Moment> _due = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _sequence;

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed { get; private set; }

    public DateTimeOffset Now => Epoch + Elapsed;

    /// <summary>Schedules an action after a delay, behind all actions already scheduled for the same moment.</summary>
    public void After(TimeSpan delay, Action action)
    {
        RequireThread();
        _due.Enqueue(action, new Moment((Elapsed + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero)).Ticks, ++_sequence));
    }

    public void At(TimeSpan elapsed, Action action) => After(elapsed - Elapsed, action);

    /// <summary>Runs the next action. False when no action is due by <paramref name="until"/>.</summary>
    public bool Step(TimeSpan until)
    {
        RequireThread();
        if (!_due.TryPeek(out _, out var next) || next.Ticks > until.Ticks) return false;
        var action = _due.Dequeue();
        Elapsed = TimeSpan.FromTicks(next.Ticks);
        action();
        return true;
    }

    /// <summary>Work on another thread would happen in an order that the seed cannot reproduce.</summary>
    public void RequireThread()
    {
        if (Environment.CurrentManagedThreadId != _thread) throw new InvalidOperationException("The simulated code moved to another thread.");
    }

    private readonly struct Moment(long ticks, long sequence) : IComparable<Moment>
    {
        public long Ticks { get; } = ticks;

        private long Sequence { get; } = sequence;

        public int CompareTo(Moment other) => Ticks != other.Ticks ? Ticks.CompareTo(other.Ticks) : Sequence.CompareTo(other.Sequence);
    }
}
