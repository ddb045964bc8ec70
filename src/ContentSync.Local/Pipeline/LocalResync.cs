using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Resyncs on one machine: runs are kept in the data folder and executed in this process. A command executes a run itself with
/// <see cref="Runner"/>; a serving host calls <see cref="Start"/>, which executes every run that is scheduled from then on.
/// </summary>
public sealed partial class LocalResync : IResyncScheduler, IAsyncDisposable
{
    /// <summary>Delay before a failed run is retried.</summary>
    private static readonly TimeSpan FaultDelay = TimeSpan.FromSeconds(5);

    /// <summary>How often the pending items are counted.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    private readonly TimeProvider _time;
    private readonly ISyncLedger _ledger;
    private readonly ILogger _logger;
    private readonly bool _isOnOneThread;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, Signal> _scheduled;
    private Task _working = Task.CompletedTask;
    private int _disposed;

    /// <param name="planner">Compares a catalog with the ledger.</param>
    /// <param name="runner">Executes the runs.</param>
    /// <param name="ledger">Read for the pending items.</param>
    /// <param name="sources">The sources of the runs.</param>
    /// <param name="time">Measures the waits.</param>
    /// <param name="logger">Receives how runs ended, and faults.</param>
    /// <param name="continuations">
    /// <see cref="TaskCreationOptions.RunContinuationsAsynchronously"/>, so that a caller who schedules a run does not execute it. A simulation on
    /// one thread passes <see cref="TaskCreationOptions.None"/>.
    /// </param>
    public LocalResync(
        CatalogPlanner planner,
        ResyncRunner runner,
        ISyncLedger ledger,
        ResyncSources sources,
        [FromKeyedServices(Clocks.Store)] TimeProvider time,
        ILogger<LocalResync> logger,
        TaskCreationOptions continuations = TaskCreationOptions.RunContinuationsAsynchronously)
    {
        _isOnOneThread = continuations == TaskCreationOptions.None;
        _time = time;
        _ledger = ledger;
        _logger = logger;
        Planner = planner;
        Runner = runner;
        Sources = sources;
        _scheduled = Known(sources).ToDictionary(source => source.Name, _ => new Signal(continuations), StringComparer.Ordinal);
    }

    /// <summary>Compares a catalog with the ledger.</summary>
    public CatalogPlanner Planner { get; }

    public ResyncRunner Runner { get; }

    public ResyncSources Sources { get; }

    /// <summary>Starts executing scheduled runs, beginning with those that an earlier process left under way.</summary>
    public void Start() => _working = Task.WhenAll(Known(Sources).Select(
        source => _isOnOneThread ? WorkAsync(source) : Task.Run(() => WorkAsync(source), CancellationToken.None)));

    /// <summary>
    /// Waits until no item is pending, whichever process accepted it, or until none has reached an outcome for <paramref name="timeout"/>.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task FinishRetriesAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (before, since) = (long.MaxValue, _time.GetTimestamp());
        while (true)
        {
            var pending = await PendingAsync(cancellationToken).ConfigureAwait(false);
            if (pending != before) (before, since) = (pending, _time.GetTimestamp());
            if (pending == 0 || _time.GetElapsedTime(since) > timeout) return;
            await Task.Delay(PollInterval, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        // A run of a catalog that is no longer configured waits until it is configured again.
        if (_scheduled.TryGetValue(run.Source, out var scheduled)) scheduled.Set();
        return ValueTask.CompletedTask;
    }

    /// <summary>Stops; a run under way continues after the next start.</summary>
    public async Task StopAsync()
    {
        // CancelAsync would resume the waiting code on the thread pool (see TimedWait).
        _stopping.Cancel();
        await _working.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // A container disposes of a singleton once for each service under which it is known.
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        await StopAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task<long> PendingAsync(CancellationToken cancellationToken)
    {
        var pending = 0L;
        var records = _ledger.ListItemsAsync(new SyncRecordFilter { State = SyncState.Pending }, cancellationToken);
        await foreach (var _ in records.ConfigureAwait(false)) pending++;
        return pending;
    }

    private static IEnumerable<ICatalogSource> Known(ResyncSources sources) => sources.Keys().Select(key => sources.Find(key)!);

    private async Task WorkAsync(ICatalogSource source)
    {
        var wait = Timeout.InfiniteTimeSpan;
        var began = _time.GetUtcNow();
        string? loggedFault = null;
        string? loggedRun = null;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await WaitForScheduleAsync(_scheduled[source.Name], wait).ConfigureAwait(false);
                var step = await Runner.ContinueAsync(source, Timeout.InfiniteTimeSpan, _stopping.Token).ConfigureAwait(false);
                wait = step.ContinueAfter ?? Timeout.InfiniteTimeSpan;
                loggedFault = null;

                // A step without work returns the newest run, which may have ended long ago.
                if (step.Run is { IsInProgress: false } ended && ended.RunId != loggedRun && ended.EndedAt >= began) LogEnded(ended);
                loggedRun = step.Run?.RunId;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // The host keeps serving and retries the run, whatever the fault. A lasting fault, such as a full disk, is logged once.
                var reason = FaultText.Of(e);
                if (loggedFault != reason) LogResyncFailed(_logger, source.Name, reason, FaultDelay.TotalSeconds);
                (wait, loggedFault) = (FaultDelay, reason);
            }
        }
    }

    private void LogEnded(ResyncRun run)
    {
        if (run.State is ResyncRunState.Refused or ResyncRunState.Stopped)
            LogResyncNotDone(_logger, run.RunId, run.Source, run.State, run.Message);
        else LogResyncEnded(_logger, run.RunId, run.Source, run.State, run.Message);
    }

    /// <summary>Returns when a run of the source is scheduled, and no later than after <paramref name="wait"/>.</summary>
    private async Task WaitForScheduleAsync(Signal scheduled, TimeSpan wait)
    {
        await scheduled.IsSet.WaitAsync(wait, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Token.ThrowIfCancellationRequested();

        // Before the runs are read, so that none is missed.
        scheduled.Reset();
    }

    [LoggerMessage(EventId = 4101, Level = LogLevel.Error, Message = "The resync of {Source} failed: {Reason} It is retried every {Seconds} s.")]
    private static partial void LogResyncFailed(ILogger logger, string source, string reason, double seconds);

    [LoggerMessage(EventId = 4102, Level = LogLevel.Information, Message = "Resync {RunId} of {Source} is {State}. {Outcome}")]
    private static partial void LogResyncEnded(ILogger logger, string runId, string source, ResyncRunState state, string outcome);

    [LoggerMessage(EventId = 4103, Level = LogLevel.Warning, Message = "Resync {RunId} of {Source} is {State}; nothing was sent. {Outcome}")]
    private static partial void LogResyncNotDone(ILogger logger, string runId, string source, ResyncRunState state, string outcome);

    /// <summary>Whether a run of a source is scheduled. Set initially, so that a run left by an earlier process is resumed. Thread-safe.</summary>
    private sealed class Signal
    {
        private readonly TaskCreationOptions _continuations;
        private readonly Lock _lock = new();
        private TaskCompletionSource _set;

        public Signal(TaskCreationOptions continuations)
        {
            _continuations = continuations;
            _set = new TaskCompletionSource(continuations);
            _set.SetResult();
        }

        public Task IsSet => Current().Task;

        public void Set() => Current().TrySetResult();

        public void Reset()
        {
            lock (_lock)
            {
                if (_set.Task.IsCompleted) _set = new TaskCompletionSource(_continuations);
            }
        }

        private TaskCompletionSource Current()
        {
            lock (_lock) return _set;
        }
    }
}
