using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync;

/// <summary>The sources of a host's runs. A caller selects one by its key; other sources cannot be named.</summary>
/// <param name="catalog">The configured catalog; null if the host has none.</param>
public sealed class ResyncSources(ICatalogSource? catalog)
{
    /// <summary>The key of the configured catalog.</summary>
    public const string CatalogKey = "catalog";

    /// <summary>The key of the ledger itself.</summary>
    public const string LedgerKey = LedgerSource.SourceName;

    /// <summary>The configured catalog; null if the host has none.</summary>
    public ICatalogSource? Catalog { get; } = catalog;

    /// <summary>The ledger itself.</summary>
    public ICatalogSource Ledger { get; } = new LedgerSource();

    /// <summary>The keys of the available sources.</summary>
    public IReadOnlyList<string> Keys() => Catalog is null ? [LedgerKey] : [CatalogKey, LedgerKey];

    /// <summary>The key of the source with this <see cref="ICatalogSource.Name"/>; null if it is not configured any more.</summary>
    public string? KeyFor(string name) => name == Ledger.Name ? LedgerKey : Catalog?.Name == name ? CatalogKey : null;

    /// <summary>The source with this key; null if there is none.</summary>
    public ICatalogSource? Find(string key) => key switch
    {
        CatalogKey => Catalog,
        LedgerKey => Ledger,
        _ => null,
    };

    /// <summary>The source with this <see cref="ICatalogSource.Name"/>; null if it is not configured any more.</summary>
    public ICatalogSource? FindByName(string name) => name == Ledger.Name ? Ledger : Catalog?.Name == name ? Catalog : null;
}

/// <summary>Schedules the execution of runs: in a loop of this host, or with a message that any instance may process.</summary>
public interface IResyncScheduler
{
    /// <summary>Schedules the run. Scheduling it once too often is harmless.</summary>
    /// <exception cref="Synchronization.QueueUnavailableException">It could not be scheduled; the run stays, and the timer resumes it.</exception>
    ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken);
}

/// <summary>Starts, lists and cancels runs, for the API, timers and the board. Thread-safe.</summary>
public sealed class ResyncRuns(
    ResyncRunner runner,
    IResyncStore store,
    IPackLanes lanes,
    ISyncLedger ledger,
    IResyncScheduler scheduler,
    [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    private readonly RunOutcomes _outcomes = new(ledger.ListItemsAsync);

    /// <summary>Requests a run and schedules it; if a run of this source is in progress already, schedules that one.</summary>
    /// <exception cref="IOException">The store cannot be used.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">
    /// The run is stored but could not be scheduled; the timer resumes it.
    /// </exception>
    public async Task<ResyncRequestResult> StartAsync(ICatalogSource source, ResyncParameters parameters, CancellationToken cancellationToken)
    {
        var start = await runner.RequestAsync(source, parameters, cancellationToken).ConfigureAwait(false);
        await scheduler.ScheduleAsync(start.Run, cancellationToken).ConfigureAwait(false);
        return start;
    }

    /// <summary>
    /// Schedules the runs in progress that were not written for <paramref name="quiet"/>: the process that executed them is gone.
    /// </summary>
    /// <returns>The number of runs scheduled.</returns>
    /// <exception cref="IOException">The store cannot be read.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">A run could not be scheduled.</exception>
    public async Task<int> ResumeStalledAsync(TimeSpan quiet, CancellationToken cancellationToken)
    {
        var scheduled = 0;
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (history.InProgress() is not { } run || time.GetUtcNow() - run.UpdatedAt < quiet) continue;
            await scheduler.ScheduleAsync(run, cancellationToken).ConfigureAwait(false);
            scheduled++;
        }

        return scheduled;
    }

    /// <summary>Drops the finished runs that were not written for <paramref name="kept"/>, except the newest one of each source.</summary>
    /// <returns>The number of runs dropped.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<int> ForgetAsync(TimeSpan kept, CancellationToken cancellationToken)
    {
        var (forgotten, oldest) = (0, time.GetUtcNow() - kept);
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            ResyncRun[] runs = [.. history.Runs.Where((run, i) => i == 0 || run.IsInProgress || run.UpdatedAt >= oldest)];
            if (runs.Length == history.Runs.Count) continue;
            // If another process wrote meanwhile, the next call drops them.
            if (await store.WriteAsync(history with { Runs = runs }, cancellationToken).ConfigureAwait(false) is not null)
                forgotten += history.Runs.Count - runs.Length;
        }

        return forgotten;
    }

    /// <summary>The stored runs of all sources, newest first, with current counts.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task<IReadOnlyList<ResyncRun>> ListAsync(CancellationToken cancellationToken)
    {
        var runs = new List<ResyncRun>();
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false)) runs.AddRange(history.Runs);
        runs.Sort((a, b) => b.RequestedAt.CompareTo(a.RequestedAt));
        for (var i = 0; i < runs.Count; i++) runs[i] = await CountedAsync(runs[i], cancellationToken).ConfigureAwait(false);
        return await _outcomes.RefreshAsync(runs, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One run with its current counts; null if it is not stored.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task<ResyncRun?> FindAsync(string runId, CancellationToken cancellationToken)
    {
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (history.Runs.FirstOrDefault(run => run.RunId == runId) is not { } run) continue;
            var counted = await CountedAsync(run, cancellationToken).ConfigureAwait(false);
            return (await _outcomes.RefreshAsync([counted], cancellationToken).ConfigureAwait(false))[0];
        }

        return null;
    }

    /// <summary>Ends a run permanently. Items that it accepted into the ledger are still sent.</summary>
    /// <returns>The run: cancelled, or ended otherwise before that; null if it is not stored.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncRun?> CancelAsync(string runId, CancellationToken cancellationToken)
    {
        var run = await FindAsync(runId, cancellationToken).ConfigureAwait(false);
        if (run is null or { IsInProgress: false }) return run;
        return await runner.CancelAsync(run.Source, runId, cancellationToken).ConfigureAwait(false)
            ?? await FindAsync(runId, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ResyncRun> CountedAsync(ResyncRun run, CancellationToken cancellationToken) =>
        run.State == ResyncRunState.Sending ? run with { Counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false) } : run;
}
