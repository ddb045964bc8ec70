using ContentSync.AlipayHk;

namespace ContentSync.Resync.Lanes;

/// <summary>
/// Paces bulk in one lane at its part of the partner's rate, so that the lanes together keep the rate without a counter that
/// they would have to share. The reserved share is left out of it: it is there for single changes, which do not wait here.
/// Thread-safe; who comes first goes first.
/// </summary>
public sealed class LaneRateLimiter(ResyncOptions options, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private readonly Lock _lock = new();
    private double _next;

    /// <summary>Seconds from one send to the next; 0 for no limit.</summary>
    private double Spacing => options.SendsPerSecond <= 0 ? 0 : options.Lanes / (options.SendsPerSecond * (1 - options.ReservedShare));

    /// <summary>Returns when the lane may send one more.</summary>
    public ValueTask AcquireAsync(CancellationToken cancellationToken) => Spacing == 0 ? ValueTask.CompletedTask : time.WaitAsync(ReserveTurn(), cancellationToken);

    private TimeSpan ReserveTurn()
    {
        lock (_lock)
        {
            // A lane that was idle does not catch up: AlipayHK would see a burst.
            var now = time.GetElapsedTime(_began).TotalSeconds;
            var turn = Math.Max(_next, now);
            _next = turn + Spacing;
            return TimeSpan.FromSeconds(turn - now);
        }
    }
}
