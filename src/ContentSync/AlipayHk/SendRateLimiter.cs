using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>
/// Keeps every try, quick retries included, within <see cref="AlipayHkOptions.MaxSendsPerSecond"/>: tries leave at even distances,
/// never in a burst, so that no window of any length holds more. A try waits for two turns: one before its signature, since what
/// is not sent is not signed; and one behind it, since signatures that a vault held back come all at once. Thread-safe; who comes
/// first goes first.
/// </summary>
internal sealed class SendRateLimiter(AlipayHkOptions options, TimeProvider time)
{
    // What waits here holds its lease and its time limit runs. Who would wait longer comes back later instead.
    private readonly TimeSpan _longestWait = options.RequestTimeout / 2;
    private readonly long _distance = (long)Math.Ceiling(time.TimestampFrequency / options.MaxSendsPerSecond!.Value);
    private readonly Lock _lock = new();
    private long _nextToSign = long.MinValue;
    private long _nextToSend = long.MinValue;

    /// <summary>Returns when a try may be signed.</summary>
    /// <exception cref="SendBudgetExhaustedException">Its turn is too far away.</exception>
    public ValueTask WaitToSignAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            // What is signed already goes first, or it would wait as long as others come.
            var (turn, wait) = Turn(Math.Max(_nextToSign, _nextToSend));
            _nextToSign = turn + _distance;
            return time.WaitAsync(wait, cancellationToken);
        }
    }

    /// <summary>Returns when a signed try may be sent.</summary>
    /// <exception cref="SendBudgetExhaustedException">Its turn is too far away.</exception>
    public ValueTask WaitToSendAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var (turn, wait) = Turn(_nextToSend);
            _nextToSend = turn + _distance;
            return time.WaitAsync(wait, cancellationToken);
        }
    }

    private (long Turn, TimeSpan Wait) Turn(long next)
    {
        var now = time.GetTimestamp();
        var turn = Math.Max(now, next);
        var wait = time.GetElapsedTime(now, turn);
        return wait <= _longestWait ? (turn, wait) : throw new SendBudgetExhaustedException(options.MaxSendsPerSecond!.Value, wait);
    }
}

/// <summary>The configured send budget is spent for longer than a try may wait. Nothing was sent.</summary>
internal sealed class SendBudgetExhaustedException(double perSecond, TimeSpan wait)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"The send budget of {perSecond:0.###} per second ({AlipayHkOptions.Section}:{nameof(AlipayHkOptions.MaxSendsPerSecond)}) is spent for the next {wait.TotalSeconds:0.#} s."))
{
    /// <summary>Until the next free turn.</summary>
    public TimeSpan Wait { get; } = wait;
}
