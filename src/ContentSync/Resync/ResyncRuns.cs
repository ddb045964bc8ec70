using ContentSync.Catalog;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Resync;

/// <summary>The sources that a host reconciles with; none can be named by a caller but by these words.</summary>
/// <param name="catalog">The configured catalog; null where the host has none.</param>
public sealed class ResyncSources(ICatalogSource? catalog)
{
    /// <summary>The word for the configured catalog.</summary>
    public const string CatalogKey = "catalog";

    /// <summary>The word for the ledger itself.</summary>
    public const string LedgerKey = LedgerSource.SourceName;

    /// <summary>The configured catalog; null where the host has none.</summary>
    public ICatalogSource? Catalog { get; } = catalog;

    /// <summary>The ledger itself.</summary>
    public ICatalogSource Ledger { get; } = new LedgerSource();

    /// <summary>The words of the sources that there are.</summary>
    public IReadOnlyList<string> Keys() => Catalog is null ? [LedgerKey] : [CatalogKey, LedgerKey];

    /// <summary>The word for the source with a <see cref="ICatalogSource.Name"/>; null where it is not among the configured ones any more.</summary>
    public string? KeyFor(string name) => name == Ledger.Name ? LedgerKey : Catalog?.Name == name ? CatalogKey : null;

    /// <summary>The source that a caller means; null where there is none of that word.</summary>
    public ICatalogSource? Find(string key) => key switch
    {
        CatalogKey => Catalog,
        LedgerKey => Ledger,
        _ => null,
    };

    /// <summary>The source with a <see cref="ICatalogSource.Name"/>; null where it is not among the configured ones any more.</summary>
    public ICatalogSource? FindByName(string name) => name == Ledger.Name ? Ledger : Catalog?.Name == name ? Catalog : null;
}

/// <summary>Wakes whoever carries runs out in this host: a loop of its own, or a message to whichever instance takes it.</summary>
public interface IResyncScheduler
{
    /// <summary>Tells that the run of this source has something to do. To be told once too often is harmless.</summary>
    /// <exception cref="Synchronization.QueueUnavailableException">Nobody could be told; the run stays, and the next wake brings it on.</exception>
    ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken);
}

/// <summary>Starts, follows and ends runs, for the API, timers and the board. Thread-safe.</summary>
/// <param name="runner">Knows the rules.</param>
/// <param name="store">Remembers the runs.</param>
/// <param name="lanes">Know how far a run has come.</param>
/// <param name="waker">Lets a run be carried out.</param>
/// <param name="time">Clock.</param>
public sealed class ResyncRuns(ResyncRunner runner, IResyncStore store, IPackLanes lanes, IResyncScheduler waker, TimeProvider time)
{
    /// <summary>Asks for a run and lets it be carried out; where one of this source is under way already, that one is woken.</summary>
    /// <exception cref="IOException">The store cannot be used.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">The run is written down, and nobody could be told; the next wake brings it on.</exception>
    public async Task<ResyncRequestResult> StartAsync(ICatalogSource source, ResyncParameters parameters, CancellationToken cancellationToken)
    {
        var start = await runner.RequestAsync(source, parameters, cancellationToken).ConfigureAwait(false);
        await waker.ScheduleAsync(start.Run, cancellationToken).ConfigureAwait(false);
        return start;
    }

    /// <summary>Wakes the runs that are under way and were not written for as long as <paramref name="quiet"/>: whoever had them is gone.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="IOException">The store cannot be read.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">Nobody could be told.</exception>
    public async Task<int> ResumeStalledAsync(TimeSpan quiet, CancellationToken cancellationToken)
    {
        var woken = 0;
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (history.InProgress() is not { } run || time.GetUtcNow() - run.UpdatedAt < quiet) continue;
            await waker.ScheduleAsync(run, cancellationToken).ConfigureAwait(false);
            woken++;
        }

        return woken;
    }

    /// <summary>The remembered runs of all sources, newest first, with counts as they stand now.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    public async Task<IReadOnlyList<ResyncRun>> ListAsync(CancellationToken cancellationToken)
    {
        var runs = new List<ResyncRun>();
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false)) runs.AddRange(history.Runs);
        runs.Sort((a, b) => b.RequestedAt.CompareTo(a.RequestedAt));
        for (var i = 0; i < runs.Count; i++) runs[i] = await CountedAsync(runs[i], cancellationToken).ConfigureAwait(false);
        return runs;
    }

    /// <summary>One run with its counts as they stand now; null where it is not remembered.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    public async Task<ResyncRun?> FindAsync(string runId, CancellationToken cancellationToken)
    {
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (history.Runs.FirstOrDefault(run => run.RunId == runId) is { } run) return await CountedAsync(run, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>Ends a run for good. What it took into the ledger is still delivered.</summary>
    /// <returns>The run as it is now: cancelled, or ended before that in some other way; null where it is not remembered.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncRun?> CancelAsync(string runId, CancellationToken cancellationToken)
    {
        var run = await FindAsync(runId, cancellationToken).ConfigureAwait(false);
        if (run is null or { IsInProgress: false }) return run;
        return await runner.CancelAsync(run.Source, runId, cancellationToken).ConfigureAwait(false) ?? await FindAsync(runId, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ResyncRun> CountedAsync(ResyncRun run, CancellationToken cancellationToken) =>
        run.State == ResyncRunState.Sending ? run with { Counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false) } : run;
}
