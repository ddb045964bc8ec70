using ContentSync.Catalog;
using ContentSync.Resync.Planning;

namespace ContentSync.Resync;

/// <summary>The runs of one source, and the last snapshot that was sent completely.</summary>
public sealed record ResyncHistory
{
    /// <summary>How many runs are kept.</summary>
    public const int MaxRuns = 10;

    /// <summary><see cref="ICatalogSource.Name"/>.</summary>
    public required string Source { get; init; }

    /// <summary>Newest first; only the first one can be in progress.</summary>
    public IReadOnlyList<ResyncRun> Runs { get => field ?? []; init; }

    /// <summary>The last snapshot that was sent completely; null if there is none.</summary>
    public HandledSnapshot? Handled { get; init; }

    /// <summary>The sizes of the catalogs that were sent lately, oldest first, the largest of each day; for the guard.</summary>
    public IReadOnlyList<CatalogSize> Sizes { get => field ?? []; init; }

    /// <summary>
    /// The plan of the last completed run, kept for its <see cref="CatalogPlan.ReadAbsentAsync">absent items</see>; null if it had none.
    /// </summary>
    public string? AbsentPlanId { get; init; }

    /// <summary>Changes with every write; see <see cref="IResyncStore.WriteAsync"/>. Null if the history was never written.</summary>
    public string? Version { get; init; }

    /// <summary>The history after a catalog was sent.</summary>
    /// <param name="size">The catalog.</param>
    /// <param name="isAllowed">An operator allowed it to be smaller, so that the guard compares the next ones with it.</param>
    internal ResyncHistory With(CatalogSize size, bool isAllowed)
    {
        if (isAllowed) return this with { Sizes = [size] };
        var sizes = Sizes.Where(earlier => size.At - earlier.At <= ResyncOptions.MaxGuardWindow).ToList();
        if (sizes is [.., var last] && last.At.UtcDateTime.Date == size.At.UtcDateTime.Date)
        {
            sizes.RemoveAt(sizes.Count - 1);
            size = size with { Items = Math.Max(size.Items, last.Items), Listed = Math.Max(size.Listed, last.Listed) };
        }

        return this with { Sizes = [.. sizes, size] };
    }

    /// <summary>The run in progress, or null.</summary>
    public ResyncRun? InProgress() => Runs is [{ IsInProgress: true } newest, ..] ? newest : null;

    /// <summary>
    /// Adds a run in front. It replaces the newest run if that has the same id or found nothing to do: a timer would fill the history with
    /// such runs.
    /// </summary>
    public ResyncHistory With(ResyncRun run)
    {
        var replaces = Runs is [var newest, ..]
            && (newest.RunId == run.RunId
                || newest.State is ResyncRunState.HandledAlready or ResyncRunState.NoSnapshot
                || newest is { State: ResyncRunState.Completed, Counts.Planned: 0 });
        return this with { Runs = [run, .. Runs.Skip(replaces ? 1 : 0).Take(MaxRuns - 1)] };
    }
}

/// <param name="Digest"><see cref="ICatalogSnapshot.Digest"/>.</param>
/// <param name="Items">Number of its lines or elements.</param>
/// <param name="At">When its run ended.</param>
public sealed record HandledSnapshot(string Digest, long Items, DateTimeOffset At)
{
    /// <summary>Also covers its as-of time, the limits and the schemas; null if an earlier version of this program sent it.</summary>
    public string? Fingerprint { get; init; }

    /// <summary><see cref="ICatalogSnapshot.MappingDigest"/>.</summary>
    public string? Mapping { get; init; }

    /// <summary>Whether it proved that it was complete; the next one must do so too.</summary>
    public bool ProvedCompleteness { get; init; }
}

/// <summary>The size of a catalog that was sent.</summary>
/// <param name="At">When.</param>
/// <param name="Items">Number of its lines or elements.</param>
/// <param name="Listed">Number of items that were listed before.</param>
public sealed record CatalogSize(DateTimeOffset At, long Items, long Listed);

/// <summary>Stores the runs of each source, and the plans of runs in progress.</summary>
public interface IResyncStore
{
    /// <summary>The runs of a source; null if it never had one.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken);

    /// <summary>The runs of all sources.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    IAsyncEnumerable<ResyncHistory> ListAsync(CancellationToken cancellationToken);

    /// <summary>Writes the runs of a source.</summary>
    /// <returns>What was written, with its new version; null if another process has written since <paramref name="history"/> was read.</returns>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken);

    /// <summary>Saves a plan, completely or not at all.</summary>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken);

    /// <summary>Loads a saved plan.</summary>
    /// <exception cref="FileNotFoundException">The store does not hold it.</exception>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken);

    /// <summary>Deletes a plan, if it exists.</summary>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken);
}
