namespace ContentSync.Ledger;

/// <summary>
/// The only clock that sets and checks due times and leases. A machine's wall clock may jump by hours, and every process that
/// shares a ledger has its own. This clock therefore takes the time from the store's responses and advances it with the monotonic
/// timer in between. If the store reports no time (a file with one owner), it reads the wall clock once, at the start. Thread-safe.
/// </summary>
/// <remarks>
/// A process shares one instance between its ledger, synchronizer, circuit breaker, sweep and queue. Timers and time stamps come
/// from the inner provider.
/// </remarks>
/// <param name="time">The inner provider: its wall clock is read once, its monotonic timer advances the time.</param>
public sealed class StoreClock(TimeProvider time) : TimeProvider
{
    /// <summary>The Date header carries whole seconds only.</summary>
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
    /// Adjusts the clock to the Date header of a store's response. Call it before evaluating the response. However long the round
    /// trip took, the clock's error does not grow, and afterwards it is at most that round trip.
    /// </summary>
    /// <param name="storeTime">The Date header, in whole seconds.</param>
    /// <param name="sentAt">Time stamp taken before the request was sent. The store read its clock between then and now.</param>
    public void Observe(DateTimeOffset storeTime, long sentAt)
    {
        lock (_lock)
        {
            var ahead = storeTime - Now();
            var latest = ahead + Resolution + time.GetElapsedTime(sentAt);

            // The first response replaces the wall clock. It sets the earlier bound, so that no other process's lease expires too soon.
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
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        time.CreateTimer(callback, state, dueTime, period);

    private DateTimeOffset Now() => _timeAtStart + time.GetElapsedTime(_start);
}
