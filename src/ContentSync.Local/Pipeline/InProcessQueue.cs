using System.Threading.Channels;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// An in-memory queue. Every item on it is also pending in the ledger and is enqueued from there after a restart. It holds each item once,
/// however often the item is enqueued, and never runs the same item twice at the same time.
/// </summary>
public sealed partial class InProcessQueue : ISyncQueue, IAsyncDisposable
{
    /// <summary>Max delayed items in memory; the sweep finds any others in the ledger when they are due.</summary>
    private const int MaxDelayed = 100_000;

    /// <summary>Delay before an item is run again after an unexpected exception.</summary>
    private static readonly TimeSpan FaultDelay = TimeSpan.FromSeconds(30);

    private readonly ContentSynchronizer _synchronizer;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TaskCreationOptions _continuations;
    private readonly Channel<string> _ready;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly PriorityQueue<(string ContentId, long Ticket), DateTimeOffset> _delayed = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _abandon;
    private readonly Lock _lock = new();
    private readonly Task[] _workers;
    private readonly Task _timer;
    private TaskCompletionSource _delayedChanged;
    private TaskCompletionSource? _activeChanged;
    private long _tickets;
    private int _delayedCount;
    private int _disposed;

    /// <param name="synchronizer">Sends the items.</param>
    /// <param name="workers">Max items in flight at the same time.</param>
    /// <param name="time">Measures the delays.</param>
    /// <param name="logger">Receives unexpected exceptions.</param>
    /// <param name="continuations">
    /// <see cref="TaskCreationOptions.RunContinuationsAsynchronously"/>, so that a caller who enqueues does not do the work of a worker. A simulation
    /// on one thread passes <see cref="TaskCreationOptions.None"/>.
    /// </param>
    public InProcessQueue(
        ContentSynchronizer synchronizer,
        int workers,
        TimeProvider time,
        ILogger<InProcessQueue> logger,
        TaskCreationOptions continuations = TaskCreationOptions.RunContinuationsAsynchronously)
    {
        _continuations = continuations;
        _ready = Channel.CreateUnbounded<string>(
            new UnboundedChannelOptions { AllowSynchronousContinuations = continuations == TaskCreationOptions.None });
        _delayedChanged = new TaskCompletionSource(continuations);
        _abandon = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _synchronizer = synchronizer;
        _time = time;
        _logger = logger;
        _timer = RunTimerAsync();
        _workers = [.. Enumerable.Range(0, workers).Select(_ => RunWorkerAsync())];
    }

    private enum Stage
    {
        Ready,
        Running,
        RunningAgain,
        Delayed,
    }

    /// <summary>Raised for the outcome of every attempt, on the worker that made it and before <see cref="WaitForActiveAsync"/> returns.</summary>
    public event Action<string, SyncOutcome>? Ended;

    /// <summary>Items that are ready to run or running.</summary>
    public int Active
    {
        get
        {
            lock (_lock) return _entries.Count - _delayedCount;
        }
    }

    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            foreach (var message in messages) Enqueue(message.ContentId, message.Delay);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Waits until at most <paramref name="max"/> items are ready or running.</summary>
    public async Task WaitForActiveAsync(int max, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_entries.Count - _delayedCount <= max) return;
                _activeChanged ??= new TaskCompletionSource(_continuations);
                changed = _activeChanged.Task;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Starts no more items, and cancels those still in flight after <paramref name="timeout"/>. Unfinished items stay pending in the ledger.
    /// </summary>
    public async Task StopAsync(TimeSpan timeout)
    {
        _stopping.Cancel();
        lock (_lock) _delayedChanged.TrySetResult();
        _ready.Writer.TryComplete();
        _abandon.CancelAfter(timeout);
        await Task.WhenAll([.. _workers, _timer]).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        // A container disposes of a singleton once for each service under which it is known.
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        await StopAsync(TimeSpan.Zero).ConfigureAwait(false);
        _stopping.Dispose();
        _abandon.Dispose();
    }

    private void Enqueue(string contentId, TimeSpan delay)
    {
        if (_entries.TryGetValue(contentId, out var entry))
        {
            if (entry.Stage == Stage.Running) entry.Stage = Stage.RunningAgain;
            if (entry.Stage != Stage.Delayed || delay > TimeSpan.Zero) return;
            _delayedCount--;
        }
        else
        {
            entry = new Entry();
            _entries.Add(contentId, entry);
        }

        if (delay > TimeSpan.Zero) Delay(contentId, entry, delay);
        else MakeReady(contentId, entry);
    }

    private void MakeReady(string contentId, Entry entry)
    {
        entry.Stage = Stage.Ready;
        _ready.Writer.TryWrite(contentId);
    }

    private void Delay(string contentId, Entry entry, TimeSpan delay)
    {
        if (_delayedCount >= MaxDelayed)
        {
            _entries.Remove(contentId);
            return;
        }

        entry.Stage = Stage.Delayed;
        entry.Ticket = ++_tickets;
        _delayedCount++;
        _delayed.Enqueue((contentId, entry.Ticket), _time.GetUtcNow() + delay);
        _delayedChanged.TrySetResult();
    }

    private async Task RunWorkerAsync()
    {
        while (await _ready.Reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
        {
            while (_ready.Reader.TryRead(out var contentId))
            {
                if (_stopping.IsCancellationRequested) return;
                await RunAsync(contentId).ConfigureAwait(false);
            }
        }
    }

    private async Task RunAsync(string contentId)
    {
        Entry entry;
        lock (_lock)
        {
            entry = _entries[contentId];
            entry.Stage = Stage.Running;
        }

        SyncOutcome outcome;
        try
        {
            outcome = await _synchronizer.SynchronizeAsync(contentId, _abandon.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception fault)
        {
            // The worker must survive, because other items depend on it. This item stays pending.
            LogFault(contentId, FaultText.Of(fault), fault);
            outcome = new SyncOutcome(SyncOutcomeKind.Pending) { Cause = PendingCause.Busy, Delay = FaultDelay, Description = fault.Message };
        }

        Ended?.Invoke(contentId, outcome);
        lock (_lock)
        {
            if (entry.Stage == Stage.RunningAgain) MakeReady(contentId, entry);
            else if (outcome.Kind == SyncOutcomeKind.Pending) Delay(contentId, entry, outcome.Delay);
            else _entries.Remove(contentId);
            _activeChanged?.TrySetResult();
            _activeChanged = null;
        }
    }

    private async Task RunTimerAsync()
    {
        try
        {
            while (true)
            {
                var changed = NextChange();
                if (TakeDue() is { } wait) await Task.WhenAny(changed, Task.Delay(wait, _time, _stopping.Token)).ConfigureAwait(false);
                else await changed.ConfigureAwait(false);
                _stopping.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    // Called before the delays are read, so that no change is missed.
    private Task NextChange()
    {
        lock (_lock)
        {
            if (_delayedChanged.Task.IsCompleted) _delayedChanged = new TaskCompletionSource(_continuations);
            return _delayedChanged.Task;
        }
    }

    /// <summary>Makes the due items ready.</summary>
    /// <returns>Time until the next item is due; null when no item is delayed.</returns>
    private TimeSpan? TakeDue()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            while (_delayed.TryPeek(out var next, out var due))
            {
                // Rounded up: a delay waits whole milliseconds, and waiting for none would spin until the item is due.
                if (due > now) return TimeSpan.FromMilliseconds(Math.Ceiling((due - now).TotalMilliseconds));
                _delayed.Dequeue();
                if (!_entries.TryGetValue(next.ContentId, out var entry) || entry.Stage != Stage.Delayed || entry.Ticket != next.Ticket) continue;
                _delayedCount--;
                MakeReady(next.ContentId, entry);
            }

            return null;
        }
    }

    [LoggerMessage(
        EventId = 4001,
        Level = LogLevel.Error,
        Message = "Unexpected exception with item {ContentId}: {Reason} The item stays pending and is retried.")]
    private partial void LogFault(string contentId, string reason, Exception fault);

    private sealed class Entry
    {
        public Stage Stage { get; set; }

        public long Ticket { get; set; }
    }
}
