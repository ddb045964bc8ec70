using System.Globalization;
using ContentSync.Budget;

namespace ContentSync.AlipayHk;

/// <summary>
/// Keeps all requests, immediate retries included, within this process's part of the send budget. Requests leave evenly spaced, never in a
/// burst, so the rate holds in a window of any length. A request waits twice: before signing, so that no signature is wasted on a request
/// that is not sent; and after signing, because signatures that a slow vault delayed arrive all at once. The last step before the socket
/// checks the lease and the window once more. Thread-safe; first come, first served, within <see cref="MaxSleep"/>.
/// </summary>
/// <param name="budget">Says how many requests may leave now.</param>
/// <param name="maxWait">
/// A waiting request holds its item's lease and uses up its own timeout. Beyond this wait, the item is retried later instead.
/// </param>
/// <param name="time">Clock for the turns.</param>
internal sealed class SendRateLimiter(SendBudget budget, TimeSpan maxWait, TimeProvider time)
{
    /// <summary>The rate may change while a request waits, so its turn is computed again this often.</summary>
    private static readonly TimeSpan MaxSleep = TimeSpan.FromMilliseconds(500);

    /// <summary>Turns are computed in floating point.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(1);

    private readonly TimeSpan _growthTime = budget.GrowthTime < maxWait ? budget.GrowthTime : maxWait;
    private readonly Lock _lock = new();
    private readonly SendWindow _window = new(time);
    private readonly Line _toSign = new();
    private readonly Line _toSend = new();
    private double _rate;
    private double _turn;
    private long _turnAt;
    private int _waiting;

    /// <summary>Requests that wait for their turn.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Completes when a request may be signed.</summary>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away.</exception>
    public ValueTask WaitToSignAsync(CancellationToken cancellationToken)
    {
        budget.Ask();
        return WaitAsync(_toSign, cancellationToken);
    }

    /// <summary>Completes when a signed request may be sent; send it at once.</summary>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away.</exception>
    public async ValueTask WaitToSendAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        await WaitAsync(_toSend, cancellationToken).ConfigureAwait(false);
        while (!TryLeave(out var wait))
        {
            if (time.GetElapsedTime(began) + wait > maxWait) throw Exhausted(wait);
            if (wait > TimeSpan.Zero) await time.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
            else await HoldAsync(maxWait - time.GetElapsedTime(began), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WaitAsync(Line line, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        budget.CountWaiting(1);
        var request = new object();
        try
        {
            if (budget.PerSecond <= 0) await HoldAsync(maxWait, cancellationToken).ConfigureAwait(false);
            var began = time.GetTimestamp();
            while (UntilTurn(line, request, time.GetElapsedTime(began)) is var wait && wait > TimeSpan.Zero)
            {
                if (wait < TimeSpan.MaxValue) await time.WaitAsync(wait < MaxSleep ? wait : MaxSleep, cancellationToken).ConfigureAwait(false);
                else await HoldAsync(maxWait - time.GetElapsedTime(began), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_lock) line.Requests.Remove(request);
            Interlocked.Decrement(ref _waiting);
            budget.CountWaiting(-1);
        }
    }

    /// <summary>
    /// Takes the turn if it has come, and returns zero; otherwise how long until then, or the maximum without a rate. A part of the budget
    /// grows with what is asked for, so a request that could be sent in time with all of the budget waits for that first.
    /// </summary>
    private TimeSpan UntilTurn(Line line, object request, TimeSpan waited)
    {
        lock (_lock)
        {
            var turn = CurrentTurn();
            var place = line.Requests.IndexOf(request);
            if (place < 0) place = Enter(line, request, turn);
            if (_rate <= 0) return TimeSpan.MaxValue;
            var turns = line.Next + place - turn;
            var wait = TimeSpan.FromSeconds(turns / _rate);
            if (wait <= TimeSpan.Zero)
            {
                line.Requests.Remove(request);
                line.Next++;
                return TimeSpan.Zero;
            }

            var left = maxWait - waited;
            if (wait <= left + Slack) return wait;
            var isGrowing = waited < _growthTime && turns / budget.Ceiling!.Value <= left.TotalSeconds;
            return isGrowing ? wait : throw Exhausted(wait);
        }
    }

    private int Enter(Line line, object request, double turn)
    {
        var place = line.Requests.Count;
        if (place == 0) line.Next = Math.Max(line.Next, turn);

        // Signed requests go first; otherwise a steady stream of new ones would starve them.
        if (line == _toSign) line.Next = Math.Max(line.Next, _toSend.Next + _toSend.Requests.Count - place);
        line.Requests.Add(request);
        return place;
    }

    /// <summary>Turns are numbered; one comes as often as the rate says. A change of the rate moves those that are still to come.</summary>
    private double CurrentTurn()
    {
        var now = time.GetTimestamp();
        var turn = _turn + (time.GetElapsedTime(_turnAt, now).TotalSeconds * _rate);
        if (budget.PerSecond is var rate && rate != _rate) (_rate, _turn, _turnAt) = (rate, turn, now);
        return turn;
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

    private sealed class Line
    {
        /// <summary>Those that wait, in the order of their turns.</summary>
        public List<object> Requests { get; } = [];

        /// <summary>The earliest turn of the first one.</summary>
        public double Next { get; set; } = double.NegativeInfinity;
    }
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
