using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>
/// Keeps every try, quick retries included, within <see cref="AlipayHkOptions.MaxSendsPerSecond"/>: tries leave at even distances,
/// never in a burst, so that no window of any length holds more. Stands before the signature: what is not sent is not signed.
/// </summary>
internal sealed class SendPacingHandler(AlipayHkOptions options, TimeProvider time) : DelegatingHandler
{
    // What waits here holds its lease and its time limit runs. Who would wait longer comes back later instead.
    private readonly TimeSpan _longestWait = options.AttemptTimeout / 2;
    private readonly long _distance = (long)Math.Ceiling(time.TimestampFrequency / options.MaxSendsPerSecond!.Value);
    private readonly Lock _lock = new();
    private long? _next;

    /// <inheritdoc/>
    /// <exception cref="SendBudgetSpentException">The next free turn is too far away; nothing was signed or sent.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await time.WaitAsync(TakeTurn(), cancellationToken);
        return await base.SendAsync(request, cancellationToken);
    }

    private TimeSpan TakeTurn()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var turn = _next is { } next && next > now ? next : now;
            var wait = time.GetElapsedTime(now, turn);
            if (wait > _longestWait) throw new SendBudgetSpentException(options.MaxSendsPerSecond!.Value, wait);
            _next = turn + _distance;
            return wait;
        }
    }
}

/// <summary>The configured send budget is spent for longer than a try may wait. Nothing was signed or sent.</summary>
internal sealed class SendBudgetSpentException(double perSecond, TimeSpan wait)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"The send budget of {perSecond:0.###} per second ({AlipayHkOptions.Section}:{nameof(AlipayHkOptions.MaxSendsPerSecond)}) is spent for the next {wait.TotalSeconds:0.#} s."))
{
    /// <summary>Until the next free turn.</summary>
    public TimeSpan Wait { get; } = wait;
}
