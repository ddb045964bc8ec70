using System.Threading.Channels;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// The queue of one machine, in memory: what it holds is pending in the ledger too, and is enqueued again from there after a
/// restart. Holds each content once, however often it is enqueued, and never runs one content twice at the same time.
/// </summary>
public sealed partial class InProcessQueue : ISyncQueue, IAsyncDisposable
{
    /// <summary>Waiting contents kept in memory; more are left to the sweep, which finds them in the ledger when they are due.</summary>
    private const int MaxDelayed = 100_000;

    /// <summary>Wait after a fault that nobody foresaw.</summary>
    private static readonly TimeSpan FaultPause = TimeSpan.FromSeconds(30);

    private readonly ContentSynchronizer _synchronizer;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<string> _ready = Channel.CreateUnbounded<string>();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly PriorityQueue<(string ContentId, long Ticket), DateTimeOffset> _delayed = new();
    private readonly SemaphoreSlim _delayedChanged = new(0, 1);
    private readonly CancellationTokenSource _stopTaking = new();
    private readonly CancellationTokenSource _abandon = new();
    private readonly Lock _lock = new();
    private readonly Task[] _workers;
    private readonly Task _clock;
    private TaskCompletionSource? _moved;
    private long _tickets;
    private int _waiting;

    /// <param name="synchronizer">Runs the contents.</param>
    /// <param name="workers">Contents in flight at the same time.</param>
    /// <param name="time">Clock of the delays.</param>
    /// <param name="logger">For faults that nobody foresaw.</param>
    public InProcessQueue(ContentSynchronizer synchronizer, int workers, TimeProvider time, ILogger<InProcessQueue> logger)
    {
        _synchronizer = synchronizer;
        _time = time;
        _logger = logger;
        _clock = RunClockAsync();
        _workers = [.. Enumerable.Range(0, workers).Select(_ => RunWorkerAsync())];
    }

    private enum Stage
    {
        Ready,
        Running,
        RunningAgain,
        Delayed,
    }

    /// <summary>Told of every run's ending, on the worker that ran it and before anyone waiting for the queue goes on.</summary>
    public event Action<string, SyncOutcome>? Ended;

    /// <summary>Contents ready to run or running.</summary>
    public int Active
    {
        get
        {
            lock (_lock) return _entries.Count - _waiting;
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

    /// <summary>Returns when at most this many contents are ready or running.</summary>
    public async Task WaitForActiveAsync(int atMost, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task moved;
            lock (_lock)
            {
                if (_entries.Count - _waiting <= atMost) return;
                _moved ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                moved = _moved.Task;
            }

            await moved.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Stops taking up contents, lets those in flight finish for the given time, then gives them up; they stay pending in the ledger.</summary>
    public async Task StopAsync(TimeSpan timeout)
    {
        await _stopTaking.CancelAsync().ConfigureAwait(false);
        _ready.Writer.TryComplete();
        _abandon.CancelAfter(timeout);
        await Task.WhenAll([.. _workers, _clock]).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero).ConfigureAwait(false);
        _stopTaking.Dispose();
        _abandon.Dispose();
        _delayedChanged.Dispose();
    }

    private void Enqueue(string contentId, TimeSpan delay)
    {
        if (_entries.TryGetValue(contentId, out var entry))
        {
            if (entry.Stage == Stage.Running) entry.Stage = Stage.RunningAgain;
            if (entry.Stage != Stage.Delayed || delay > TimeSpan.Zero) return;
            _waiting--;
        }
        else
        {
            entry = new Entry();
            _entries.Add(contentId, entry);
        }

        if (delay > TimeSpan.Zero) Wait(contentId, entry, delay);
        else MakeReady(contentId, entry);
    }

    private void MakeReady(string contentId, Entry entry)
    {
        entry.Stage = Stage.Ready;
        _ready.Writer.TryWrite(contentId);
    }

    private void Wait(string contentId, Entry entry, TimeSpan delay)
    {
        if (_waiting >= MaxDelayed)
        {
            _entries.Remove(contentId);
            return;
        }

        entry.Stage = Stage.Delayed;
        entry.Ticket = ++_tickets;
        _waiting++;
        _delayed.Enqueue((contentId, entry.Ticket), _time.GetUtcNow() + delay);
        if (_delayedChanged.CurrentCount == 0) _delayedChanged.Release();
    }

    private async Task RunWorkerAsync()
    {
        await Task.Yield();
        while (await _ready.Reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
        {
            while (_ready.Reader.TryRead(out var contentId))
            {
                if (_stopTaking.IsCancellationRequested) return;
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
            // It must not take the worker with it, on whom all the others wait. The content stays pending.
            LogFault(contentId, fault.Message, fault);
            outcome = new SyncOutcome(SyncOutcomeKind.Pending) { Cause = PendingCause.Busy, Delay = FaultPause, Description = fault.Message };
        }

        Ended?.Invoke(contentId, outcome);
        lock (_lock)
        {
            if (entry.Stage == Stage.RunningAgain) MakeReady(contentId, entry);
            else if (outcome.Kind == SyncOutcomeKind.Pending) Wait(contentId, entry, outcome.Delay);
            else _entries.Remove(contentId);
            _moved?.TrySetResult();
            _moved = null;
        }
    }

    private async Task RunClockAsync()
    {
        try
        {
            var changed = _delayedChanged.WaitAsync(_stopTaking.Token);
            while (true)
            {
                if (TakeDue() is { } wait) await Task.WhenAny(changed, Task.Delay(wait, _time, _stopTaking.Token)).ConfigureAwait(false);
                else await changed.ConfigureAwait(false);
                _stopTaking.Token.ThrowIfCancellationRequested();
                if (changed.IsCompleted) changed = _delayedChanged.WaitAsync(_stopTaking.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    /// <returns>The wait until the next one is due; null where none waits.</returns>
    private TimeSpan? TakeDue()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            while (_delayed.TryPeek(out var next, out var due))
            {
                if (due > now) return due - now;
                _delayed.Dequeue();
                if (!_entries.TryGetValue(next.ContentId, out var entry) || entry.Stage != Stage.Delayed || entry.Ticket != next.Ticket) continue;
                _waiting--;
                MakeReady(next.ContentId, entry);
            }

            return null;
        }
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Error, Message = "Unforeseen fault with {ContentId}: {Reason} It stays pending and is tried again.")]
    private partial void LogFault(string contentId, string reason, Exception fault);

    private sealed class Entry
    {
        public Stage Stage { get; set; }

        public long Ticket { get; set; }
    }
}
