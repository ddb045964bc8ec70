using System.Globalization;
using ContentSync.Budget;

namespace ContentSync.AlipayHk;

/// <summary>
/// Keeps all requests, immediate retries included, within this process's part of the send budget. Requests leave evenly spaced, never in a
/// burst, so the rate holds in a window of any length. A request waits twice: before signing, so that no signature is wasted on a request
/// that is not sent; and after signing, because signatures that a slow vault delayed arrive all at once. The last step before the socket
/// checks the lease and the window once more. Thread-safe; first come, first served.
/// </summary>
/// <param name="budget">Says how many requests may leave now.</param>
/// <param name="maxWait">
/// A waiting request holds its item's lease and uses up its own timeout. Beyond this wait, the item is retried later instead.
/// </param>
/// <param name="time">Clock for the turns.</param>
internal sealed class SendRateLimiter(SendBudget budget, TimeSpan maxWait, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly SendWindow _window = new(time);
    private long _nextToSign = long.MinValue;
    private long _nextToSend = long.MinValue;
    private int _waiting;

    /// <summary>Requests that wait for their turn.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Completes when a request may be signed.</summary>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away.</exception>
    public ValueTask WaitToSignAsync(CancellationToken cancellationToken)
    {
        budget.Ask();
        return WaitAsync(ReserveToSign, cancellationToken);
    }

    /// <summary>Completes when a signed request may be sent; send it at once.</summary>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away.</exception>
    public async ValueTask WaitToSendAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        await WaitAsync(ReserveToSend, cancellationToken).ConfigureAwait(false);
        while (!TryLeave(out var wait))
        {
            if (time.GetElapsedTime(began) + wait > maxWait) throw Exhausted(wait);
            if (wait > TimeSpan.Zero) await time.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
            else await HoldAsync(maxWait - time.GetElapsedTime(began), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WaitAsync(Func<double, TimeSpan> reserve, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        budget.CountWaiting(1);
        try
        {
            if (budget.PerSecond <= 0) await HoldAsync(maxWait, cancellationToken).ConfigureAwait(false);
            TimeSpan wait;
            lock (_lock) wait = reserve(budget.PerSecond);
            await time.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            budget.CountWaiting(-1);
        }
    }

    // Signed requests go first; otherwise a steady stream of new ones would starve them.
    private TimeSpan ReserveToSign(double perSecond) => Reserve(Math.Max(_nextToSign, _nextToSend), perSecond, ref _nextToSign);

    private TimeSpan ReserveToSend(double perSecond) => Reserve(_nextToSend, perSecond, ref _nextToSend);

    private TimeSpan Reserve(long next, double perSecond, ref long reserved)
    {
        if (perSecond <= 0) throw Exhausted(maxWait);
        var now = time.GetTimestamp();
        var turn = Math.Max(now, next);
        var wait = time.GetElapsedTime(now, turn);
        if (wait > maxWait) throw Exhausted(wait);
        reserved = turn + (long)Math.Ceiling(time.TimestampFrequency / perSecond);
        return wait;
    }

    private bool TryLeave(out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        lock (_lock) return budget.PerSecond is > 0 and var perSecond && _window.TryLeave(perSecond, out wait);
    }

    private async ValueTask HoldAsync(TimeSpan longest, CancellationToken cancellationToken)
    {
        if (!await budget.WaitAsync(longest, cancellationToken).ConfigureAwait(false)) throw Exhausted(maxWait);
    }

    private SendBudgetExhaustedException Exhausted(TimeSpan retryAfter) => new(budget, retryAfter);
}

/// <summary>The next free turn is farther away than a request may wait. Nothing was sent.</summary>
internal sealed class SendBudgetExhaustedException(SendBudget budget, TimeSpan retryAfter) : Exception(Sentence(budget, retryAfter))
{
    /// <summary>Time until the next free turn.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;

    private static string Sentence(SendBudget budget, TimeSpan retryAfter) => budget.Fault is { } fault
        ? $"No part of the send budget could be leased. {fault}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"The send budget of {budget.Ceiling:0.###} per second ({Setting}, or --rate) is spent for the next {retryAfter.TotalSeconds:0.#} s.");

    private static string Setting => $"{AlipayHkOptions.Section}:{nameof(AlipayHkOptions.MaxSendsPerSecond)}";
}
