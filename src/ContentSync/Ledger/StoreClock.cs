namespace ContentSync.Ledger;

/// <summary>
/// The one clock by which due times and leases are written and judged. A machine's wall clock may jump by hours, and every process
/// that shares a ledger has its own; so the time is taken from the store's own answers, and counted on by the monotonic timer in
/// between. Where the store tells no time (a file with one owner), the wall clock is read once, at the start. Thread-safe.
/// </summary>
/// <remarks>Ledger, synchronizer, gate, sweep and queue of a process are given the same one. Timers and time stamps are the inner provider's.</remarks>
/// <param name="time">Its wall clock is read once; its monotonic timer counts.</param>
public sealed class StoreClock(TimeProvider time) : TimeProvider
{
    /// <summary>The Date header drops the fraction of its second.</summary>
    private static readonly TimeSpan Resolution = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();
    private DateTimeOffset _timeAtStart = time.GetUtcNow();
    private bool _isKnown;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long TimestampFrequency => time.TimestampFrequency;

    /// <summary>
    /// Learns what time an answer of the store carries: its Date header. Call it before the answer is judged. However long the answer
    /// took, the clock is afterwards no further off than it was, and no further than that journey.
    /// </summary>
    /// <param name="storeTime">In whole seconds.</param>
    /// <param name="askedAt">Time stamp of before the request was sent: the store's time lies between the two.</param>
    public void Observe(DateTimeOffset storeTime, long askedAt)
    {
        lock (_lock)
        {
            var ahead = storeTime - Now();
            var latest = ahead + Resolution + time.GetElapsedTime(askedAt);

            // The first one replaces the wall clock; of the two bounds it takes the one at which no lease of another is over.
            if (!_isKnown || ahead > TimeSpan.Zero) _timeAtStart += ahead;
            else if (latest < TimeSpan.Zero) _timeAtStart += latest;
            _isKnown = true;
        }
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock) return Now();
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => time.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);

    private DateTimeOffset Now() => _timeAtStart + time.GetElapsedTime(_start);
}
