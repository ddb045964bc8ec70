namespace ContentSync.Functions;

/// <summary>
/// Spreads signatures evenly below a vault's limit, with a small burst after idling. Callers that are not paced draw throttling
/// answers, and those count against the limit as well.
/// </summary>
internal sealed class SignaturePace(int perSecond, TimeProvider time)
{
    /// <summary>How much of the idle time counts as saved up.</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly TimeSpan _interval = TimeSpan.FromSeconds(1.0 / perSecond);
    private readonly long _origin = time.GetTimestamp();
    private TimeSpan _next = TimeSpan.MinValue;

    /// <summary>Takes the next turn, and says how long it is until then. A wait of more than <paramref name="longest"/> is only told: no turn is taken.</summary>
    public TimeSpan TakeTurn(TimeSpan longest)
    {
        lock (_lock)
        {
            var now = time.GetElapsedTime(_origin);
            var turn = _next > now - Burst ? _next : now - Burst;
            var wait = turn > now ? turn - now : TimeSpan.Zero;
            if (wait <= longest) _next = turn + _interval;
            return wait;
        }
    }
}
