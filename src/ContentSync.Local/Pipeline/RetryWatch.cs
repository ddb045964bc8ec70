using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>Hands on the contents that left a run for a retry of their own, and knows which of them have not come to an end yet. Thread-safe.</summary>
public sealed class RetryWatch : ISyncQueue, IDisposable
{
    private readonly InProcessQueue _queue;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private long _parked;
    private long _ended;

    /// <param name="queue">Retries.</param>
    /// <param name="time">Clock.</param>
    public RetryWatch(InProcessQueue queue, TimeProvider time)
    {
        _queue = queue;
        _time = time;
        queue.Ended += End;
    }

    /// <summary>Those that have not come to an end.</summary>
    public int Retrying
    {
        get
        {
            lock (_lock) return _open.Count;
        }
    }

    /// <summary>Those that ended rejected or given up on.</summary>
    public long Parked => Interlocked.Read(ref _parked);

    /// <inheritdoc/>
    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        lock (_lock) _open.UnionWith(messages.Select(message => message.ContentId));
        return _queue.EnqueueAsync(messages, cancellationToken);
    }

    /// <summary>Waits until all have ended, or none has for as long as <paramref name="timeout"/>.</summary>
    public async Task FinishAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (ended, since) = (Interlocked.Read(ref _ended), _time.GetTimestamp());
        while (Retrying > 0 && _time.GetElapsedTime(since) <= timeout)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), _time, cancellationToken).ConfigureAwait(false);
            if (Interlocked.Read(ref _ended) != ended) (ended, since) = (Interlocked.Read(ref _ended), _time.GetTimestamp());
        }
    }

    public void Dispose() => _queue.Ended -= End;

    private void End(string contentId, SyncOutcome outcome)
    {
        if (outcome.Kind == SyncOutcomeKind.Pending) return;
        lock (_lock)
        {
            if (!_open.Remove(contentId)) return;
        }

        if (outcome.Kind is SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked) Interlocked.Increment(ref _parked);
        Interlocked.Increment(ref _ended);
    }
}
