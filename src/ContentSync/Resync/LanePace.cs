namespace ContentSync.Resync;

/// <summary>
/// Paces bulk in one lane at its part of the partner's rate, so that the lanes together keep the rate without a counter that
/// they would have to share. The reserved share is left out of it: it is there for single changes, which do not wait here.
/// For one caller at a time.
/// </summary>
public sealed class LanePace(ResyncOptions options, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private double _next;

    /// <summary>Seconds from one send to the next; 0 for no limit.</summary>
    private double Spacing => options.SendsPerSecond <= 0 ? 0 : options.Lanes / (options.SendsPerSecond * (1 - options.ReservedShare));

    /// <summary>Returns when the lane may send one more.</summary>
    public async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        if (Spacing == 0) return;
        var now = time.GetElapsedTime(_began).TotalSeconds;
        var wait = _next - now;

        // A lane that was idle does not catch up: AlipayHK would see a burst.
        _next = Math.Max(_next, now) + Spacing;
        if (wait > 0) await Task.Delay(TimeSpan.FromSeconds(wait), time, cancellationToken).ConfigureAwait(false);
    }
}
