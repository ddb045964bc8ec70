using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Resyncs on one machine: runs are remembered in the data folder and sent in this process. A command carries one out itself with
/// <see cref="Runner"/>; a host that serves calls <see cref="Start"/>, and from then on whatever is asked for is carried out.
/// </summary>
public sealed partial class LocalResync : IResyncScheduler, IAsyncDisposable
{
    /// <summary>Wait before a fault is tried again.</summary>
    private static readonly TimeSpan FaultWait = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, SemaphoreSlim> _wakes;
    private Task _working = Task.CompletedTask;

    private LocalResync(CatalogPlanner planner, ResyncRunner runner, RetryWatch retries, IResyncStore store, IPackLanes lanes, ResyncSources sources, TimeProvider time, ILogger logger)
    {
        _time = time;
        _logger = logger;
        Planner = planner;
        Runner = runner;
        Retries = retries;
        Sources = sources;
        Resyncs = new ResyncRuns(runner, store, lanes, this, time);
        // Full at first: what an earlier process left under way is taken up.
        _wakes = Known(sources).ToDictionary(source => source.Name, _ => new SemaphoreSlim(1, 1), StringComparer.Ordinal);
    }

    /// <summary>Compares a catalog with the ledger.</summary>
    public CatalogPlanner Planner { get; }

    public ResyncRunner Runner { get; }

    /// <summary>What left a run, and whether it has come to its end.</summary>
    public RetryWatch Retries { get; }

    public ResyncSources Sources { get; }

    /// <summary>For the API and the board.</summary>
    public ResyncRuns Resyncs { get; }

    /// <summary>For the one process that owns the data folder.</summary>
    /// <exception cref="CommandException">The folder cannot be used.</exception>
    public static LocalResync Open(DataDirectory data, ResyncOptions options, ICatalogSource? catalog, LocalResyncParts parts, TimeProvider time, ILogger<LocalResync> logger)
    {
        var store = OpenStore(data.ResyncFolder);
        var retries = new RetryWatch(parts.Queue, time);
        var reader = new CatalogReader(parts.Reader, parts.ContentOptions);
        var lanes = new InProcessLanes(new PackSender(parts.Synchronizer, retries, options, time), new LaneRateLimiters(options, time));
        var planner = new CatalogPlanner(reader, new SqliteLedgerScan(new SqliteLedgerOptions(data.LedgerFile)), data.ResyncFolder);
        var runner = new ResyncRunner(
            planner,
            new ResendPlanner(parts.Ledger, time),
            new ResyncPages(reader, parts.Synchronizer, parts.Ledger, time),
            lanes,
            store,
            new RequestIdSource(),
            options,
            time);
        return new LocalResync(planner, runner, retries, store, lanes, new ResyncSources(catalog), time, logger);
    }

    /// <summary>Begins to carry out what is asked for, with what an earlier process left under way first.</summary>
    public void Start() => _working = Task.WhenAll(Known(Sources).Select(source => Task.Run(() => WorkAsync(source), CancellationToken.None)));

    /// <inheritdoc/>
    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        // One of a catalog that is not configured any more waits until it is again.
        if (_wakes.TryGetValue(run.Source, out var wake))
        {
            lock (wake)
            {
                if (wake.CurrentCount == 0) wake.Release();
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Stops; a run under way goes on with the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _working.ConfigureAwait(false);
        Retries.Dispose();
        foreach (var wake in _wakes.Values) wake.Dispose();
        _stopping.Dispose();
    }

    private static IEnumerable<ICatalogSource> Known(ResyncSources sources) => sources.Keys().Select(word => sources.Find(word)!);

    private static FileResyncStore OpenStore(string folder)
    {
        try
        {
            return FileResyncStore.Open(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The folder of the resyncs, '{folder}', cannot be used: {e.Message}", e);
        }
    }

    private async Task WorkAsync(ICatalogSource source)
    {
        var wait = Timeout.InfiniteTimeSpan;
        string? told = null;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await AwaitWakeAsync(_wakes[source.Name], wait).ConfigureAwait(false);
                var step = await Runner.ContinueAsync(source, Timeout.InfiniteTimeSpan, _stopping.Token).ConfigureAwait(false);
                wait = step.ContinueAfter ?? Timeout.InfiniteTimeSpan;
                told = null;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is, the host goes on serving and the run is tried again. Told once: a full disk stays full for a while.
                if (told != e.Message) ResyncHeldUp(_logger, source.Name, e.Message, FaultWait.TotalSeconds);
                (wait, told) = (FaultWait, e.Message);
            }
        }
    }

    private async Task AwaitWakeAsync(SemaphoreSlim wake, TimeSpan wait)
    {
        if (wait == TimeSpan.Zero) return;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var woken = wake.WaitAsync(ended.Token);
        await Task.WhenAny(woken, Task.Delay(wait, _time, ended.Token)).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        await ((Task)woken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Token.ThrowIfCancellationRequested();
    }

    [LoggerMessage(EventId = 3101, Level = LogLevel.Error, Message = "The resync of {Source} is held up: {Reason} It is tried again every {Seconds} s.")]
    private static partial void ResyncHeldUp(ILogger logger, string source, string reason, double seconds);
}

/// <summary>What a resync on one machine is made of.</summary>
public sealed record LocalResyncParts(ISyncLedger Ledger, ContentSynchronizer Synchronizer, InProcessQueue Queue, ContentReader Reader, ContentOptions ContentOptions);
