using ContentSync.AlipayHk;

namespace ContentSync.Resync.Lanes;

/// <summary>
/// Limits a lane's bulk sends to its part of AlipayHK's rate, so that the lanes together keep the rate without a shared counter. The
/// reserved share is excluded: it is for single changes, which do not wait here. Thread-safe; first come, first served.
/// </summary>
public sealed class LaneRateLimiter(ResyncOptions options, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private readonly Lock _lock = new();
    private double _next;

    /// <summary>Seconds from one send to the next; 0 for no limit.</summary>
    private double Spacing => options.SendsPerSecond <= 0 ? 0 : options.Lanes / (options.SendsPerSecond * (1 - options.ReservedShare));

    /// <summary>Returns when the lane may send one more item.</summary>
    public ValueTask AcquireAsync(CancellationToken cancellationToken) =>
        Spacing == 0 ? ValueTask.CompletedTask : time.WaitAsync(ReserveTurn(), cancellationToken);

    private TimeSpan ReserveTurn()
    {
        lock (_lock)
        {
            // An idle lane does not catch up: AlipayHK would see a burst.
            var now = time.GetElapsedTime(_began).TotalSeconds;
            var turn = Math.Max(_next, now);
            _next = turn + Spacing;
            return TimeSpan.FromSeconds(turn - now);
        }
    }
}
