using System.Collections.Concurrent;

namespace ContentSync.AlipayHk;

/// <summary>
/// Time limits of one length, each ended by its caller's cancellation too. On the system's clock their sources are used again and
/// again: a source and its timer for every call would be most of what a limit costs. Thread-safe.
/// </summary>
internal sealed class TimeoutPool(TimeSpan length, TimeProvider time)
{
    /// <summary>More than are ever in flight need not be kept.</summary>
    private const int MostKept = 1_024;

    private readonly ConcurrentQueue<CancellationTokenSource> _idle = new();

    /// <summary>Begins one. Dispose it when what it limits is over.</summary>
    public PooledTimeout Start(CancellationToken cancellationToken)
    {
        var source = Rent();

        // A cancellation goes on at once where it happens, as everywhere on this path.
        var registration = cancellationToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), source);
        return new PooledTimeout(this, source, registration);
    }

    private CancellationTokenSource Rent()
    {
        // Only a source without a foreign clock can be set back.
        if (time != TimeProvider.System) return new CancellationTokenSource(length, time);
        if (!_idle.TryDequeue(out var source)) source = new CancellationTokenSource();
        source.CancelAfter(length);
        return source;
    }

    private void Return(CancellationTokenSource source)
    {
        if (time == TimeProvider.System && _idle.Count < MostKept && source.TryReset()) _idle.Enqueue(source);
        else source.Dispose();
    }

    /// <summary>One that runs.</summary>
    public readonly struct PooledTimeout(TimeoutPool limits, CancellationTokenSource source, CancellationTokenRegistration registration) : IDisposable
    {
        /// <summary>Cancelled when the time is over or the caller cancels.</summary>
        public CancellationToken Token => source.Token;

        public void Dispose()
        {
            // First, and waiting for a cancellation that is under way: it must not reach whoever has the source next.
            registration.Dispose();
            limits.Return(source);
        }
    }
}
