using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>
/// Keeps all requests, immediate retries included, within <see cref="AlipayHkOptions.MaxSendsPerSecond"/>. Requests leave evenly
/// spaced, never in a burst, so the rate holds in a window of any length. A request waits twice: before signing, so that no
/// signature is wasted on a request that is not sent; and after signing, because signatures that a slow vault delayed arrive all at
/// once. Thread-safe; first come, first served.
/// </summary>
internal sealed class SendRateLimiter(AlipayHkOptions options, TimeProvider time)
{
    // A waiting request holds its item's lease and uses up its own timeout. Beyond this wait, the item is retried later instead.
    private readonly TimeSpan _maxWait = options.RequestTimeout / 2;
    private readonly long _interval = (long)Math.Ceiling(time.TimestampFrequency / options.MaxSendsPerSecond!.Value);
    private readonly Lock _lock = new();
    private long _nextToSign = long.MinValue;
    private long _nextToSend = long.MinValue;

    /// <summary>Completes when a request may be signed.</summary>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away.</exception>
    public ValueTask WaitToSignAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            // Signed requests go first; otherwise a steady stream of new ones would starve them.
            var (turn, wait) = Turn(Math.Max(_nextToSign, _nextToSend));
            _nextToSign = turn + _interval;
            return time.WaitAsync(wait, cancellationToken);
        }
    }

    /// <summary>Completes when a signed request may be sent.</summary>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away.</exception>
    public ValueTask WaitToSendAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var (turn, wait) = Turn(_nextToSend);
            _nextToSend = turn + _interval;
            return time.WaitAsync(wait, cancellationToken);
        }
    }

    private (long Turn, TimeSpan Wait) Turn(long next)
    {
        var now = time.GetTimestamp();
        var turn = Math.Max(now, next);
        var wait = time.GetElapsedTime(now, turn);
        return wait <= _maxWait ? (turn, wait) : throw new SendBudgetExhaustedException(options.MaxSendsPerSecond!.Value, wait);
    }
}

/// <summary>The next free turn is farther away than a request may wait. Nothing was sent.</summary>
internal sealed class SendBudgetExhaustedException(double perSecond, TimeSpan retryAfter)
    : Exception(string.Create(
        CultureInfo.InvariantCulture,
        $"The send budget of {perSecond:0.###} per second ({Setting}) is spent for the next {retryAfter.TotalSeconds:0.#} s."))
{
    /// <summary>Time until the next free turn.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;

    private static string Setting => $"{AlipayHkOptions.Section}:{nameof(AlipayHkOptions.MaxSendsPerSecond)}";
}
