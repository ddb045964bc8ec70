using System.Collections.Concurrent;

namespace ContentSync.AlipayHk;

/// <summary>
/// Timeouts of one length, linked to the caller's cancellation. With the system clock, their token sources are pooled: a new source
/// and timer per request would be most of a timeout's cost. Thread-safe.
/// </summary>
internal sealed class TimeoutPool(TimeSpan timeout, TimeProvider time)
{
    /// <summary>Idle sources; no more requests than this are ever in flight.</summary>
    private const int MaxIdle = 1_024;

    private readonly ConcurrentQueue<CancellationTokenSource> _idle = new();

    /// <summary>Starts a timeout. Dispose it when the operation ends.</summary>
    public PooledTimeout Start(CancellationToken cancellationToken)
    {
        var source = Rent();

        // Cancels synchronously, like everything on this path (see TimedWait).
        var registration = cancellationToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), source);
        return new PooledTimeout(this, source, registration);
    }

    private CancellationTokenSource Rent()
    {
        // A source with a custom clock cannot be reset.
        if (time != TimeProvider.System) return new CancellationTokenSource(timeout, time);
        if (!_idle.TryDequeue(out var source)) source = new CancellationTokenSource();
        source.CancelAfter(timeout);
        return source;
    }

    private void Return(CancellationTokenSource source)
    {
        if (time == TimeProvider.System && _idle.Count < MaxIdle && source.TryReset()) _idle.Enqueue(source);
        else source.Dispose();
    }

    /// <summary>A running timeout.</summary>
    public readonly struct PooledTimeout(TimeoutPool pool, CancellationTokenSource source, CancellationTokenRegistration registration)
        : IDisposable
    {
        /// <summary>Cancelled when the timeout elapses or the caller cancels.</summary>
        public CancellationToken Token => source.Token;

        public void Dispose()
        {
            // Comes first and waits for a cancellation in progress, which must not reach the source's next user.
            registration.Dispose();
            pool.Return(source);
        }
    }
}
