using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Local.Pipeline;

/// <summary>Enqueues the items that failed in a run for a retry of their own, and tracks those without an outcome. Thread-safe.</summary>
public sealed class RetryWatch : ISyncQueue, IDisposable
{
    private readonly InProcessQueue _queue;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private long _parked;
    private long _finished;

    public RetryWatch(InProcessQueue queue, [FromKeyedServices(Clocks.Store)] TimeProvider time)
    {
        _queue = queue;
        _time = time;
        queue.Ended += Finish;
    }

    /// <summary>Items that have no outcome yet.</summary>
    public int Retrying
    {
        get
        {
            lock (_lock) return _open.Count;
        }
    }

    /// <summary>Items that a retry left rejected or parked.</summary>
    public long Parked => Interlocked.Read(ref _parked);

    /// <inheritdoc/>
    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        lock (_lock) _open.UnionWith(messages.Select(message => message.ContentId));
        return _queue.EnqueueAsync(messages, cancellationToken);
    }

    /// <summary>Waits until all items have an outcome, or until none has got one for <paramref name="timeout"/>.</summary>
    public async Task FinishAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (finished, since) = (Interlocked.Read(ref _finished), _time.GetTimestamp());
        while (Retrying > 0 && _time.GetElapsedTime(since) <= timeout)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), _time, cancellationToken).ConfigureAwait(false);
            if (Interlocked.Read(ref _finished) != finished) (finished, since) = (Interlocked.Read(ref _finished), _time.GetTimestamp());
        }
    }

    public void Dispose() => _queue.Ended -= Finish;

    private void Finish(string contentId, SyncOutcome outcome)
    {
        if (outcome.Kind == SyncOutcomeKind.Pending) return;
        lock (_lock)
        {
            if (!_open.Remove(contentId)) return;
        }

        if (outcome.Kind is SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked) Interlocked.Increment(ref _parked);
        Interlocked.Increment(ref _finished);
    }
}
