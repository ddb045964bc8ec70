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
    /// <summary>
    /// Answers under way make an observation late by their journey, and the Date header drops the fraction of its second: an
    /// observation that lies this little in the past says nothing new.
    /// </summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();
    private DateTimeOffset _timeAtStart = time.GetUtcNow();

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long TimestampFrequency => time.TimestampFrequency;

    /// <summary>Learns what time the store's answer carries: its Date header. Call it before the answer is judged.</summary>
    /// <param name="storeTime">Never later than the moment of this call, by the store's clock.</param>
    public void Observe(DateTimeOffset storeTime)
    {
        lock (_lock)
        {
            // The store cannot be behind the time it gave, so the latest bound is the best; one far below it means that it was set back.
            var ahead = storeTime - Now();
            if (ahead > TimeSpan.Zero || ahead < -Tolerance) _timeAtStart += ahead;
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
