using ContentSync.Catalog;
using ContentSync.Resync.Planning;

namespace ContentSync.Resync;

/// <summary>The runs of one source, and what the next one is held against.</summary>
public sealed record ResyncHistory
{
    /// <summary>Runs that are remembered.</summary>
    public const int MostRuns = 10;

    /// <summary><see cref="ICatalogSource.Name"/>.</summary>
    public required string Source { get; init; }

    /// <summary>Newest first; only the first one can be under way.</summary>
    public IReadOnlyList<ResyncRun> Runs { get; init; } = [];

    /// <summary>The last snapshot that was sent to its end; null where there is none.</summary>
    public HandledSnapshot? Handled { get; init; }

    /// <summary>Changes with every write; see <see cref="IResyncStore.WriteAsync"/>. Null for one that was never written.</summary>
    public string? Version { get; init; }

    /// <summary>The run under way, or null.</summary>
    public ResyncRun? InProgress() => Runs is [{ IsInProgress: true } newest, ..] ? newest : null;

    /// <summary>With a run in front, in the place of the one that has its id, or of one that found nothing to do: a timer would fill the memory with those.</summary>
    public ResyncHistory With(ResyncRun run)
    {
        var takesPlace = Runs is [var newest, ..] && (newest.RunId == run.RunId || newest.State is ResyncRunState.HandledAlready or ResyncRunState.NoSnapshot);
        return this with { Runs = [run, .. Runs.Skip(takesPlace ? 1 : 0).Take(MostRuns - 1)] };
    }
}

/// <param name="Digest"><see cref="ICatalogSnapshot.Digest"/>.</param>
/// <param name="Items">Its lines or elements.</param>
/// <param name="At">When its run ended.</param>
public sealed record HandledSnapshot(string Digest, long Items, DateTimeOffset At);

/// <summary>Keeps the runs of each source, and the plans of those under way.</summary>
public interface IResyncStore
{
    /// <summary>What is known of a source's runs; null where there was none.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken);

    /// <summary>What is known of all sources' runs.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    IAsyncEnumerable<ResyncHistory> ListAsync(CancellationToken cancellationToken);

    /// <summary>Writes what is known of a source's runs.</summary>
    /// <returns>What was written, with its new version; null where somebody else has written since <paramref name="history"/> was read.</returns>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken);

    /// <summary>Keeps a plan; it is there whole or not at all.</summary>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken);

    /// <summary>A plan that is kept.</summary>
    /// <exception cref="IOException">The store cannot be read, or does not hold it.</exception>
    ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken);

    /// <summary>Forgets a plan; one that is not there is no fault.</summary>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken);
}
