namespace ContentSync.Simulation;

/// <summary>The true time of a simulation, and all that is going to happen. One thread.</summary>
internal sealed class VirtualTime
{
    /// <summary>When every simulation begins.</summary>
    public static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Action, Moment> _due = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _sequence;

    /// <summary>Since the beginning.</summary>
    public TimeSpan Elapsed { get; private set; }

    public DateTimeOffset Now => Epoch + Elapsed;

    /// <summary>Lets it happen after a wait, behind everything that is due at the same moment already.</summary>
    public void After(TimeSpan wait, Action act)
    {
        RequireThread();
        _due.Enqueue(act, new Moment((Elapsed + (wait > TimeSpan.Zero ? wait : TimeSpan.Zero)).Ticks, ++_sequence));
    }

    public void At(TimeSpan elapsed, Action act) => After(elapsed - Elapsed, act);

    /// <summary>Lets the next thing happen. False where there is none, or none until then.</summary>
    public bool Step(TimeSpan until)
    {
        RequireThread();
        if (!_due.TryPeek(out _, out var next) || next.Ticks > until.Ticks) return false;
        var act = _due.Dequeue();
        Elapsed = TimeSpan.FromTicks(next.Ticks);
        act();
        return true;
    }

    /// <summary>Whatever leaves the simulation's thread would happen in an order that no seed repeats.</summary>
    public void RequireThread()
    {
        if (Environment.CurrentManagedThreadId != _thread) throw new InvalidOperationException("The code under simulation went to another thread.");
    }

    private readonly struct Moment(long ticks, long sequence) : IComparable<Moment>
    {
        public long Ticks { get; } = ticks;

        private long Sequence { get; } = sequence;

        public int CompareTo(Moment other) => Ticks != other.Ticks ? Ticks.CompareTo(other.Ticks) : Sequence.CompareTo(other.Sequence);
    }
}
