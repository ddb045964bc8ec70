namespace ContentSync.Resync.Lanes;

/// <summary>Where a run's packs go: sent at once in this process, or put on a broker's sessions for whoever holds them.</summary>
public interface IPackLanes
{
    /// <summary>How long to wait before more is handed over, since enough is waiting in the lanes; null where there is room.</summary>
    ValueTask<TimeSpan?> BacklogDelayAsync(ResyncRun run, CancellationToken cancellationToken);

    /// <summary>Hands over a page's packs. Once this returns they cannot be lost. Handing the same ones over again is safe.</summary>
    /// <returns>What of them is accounted for already, and what holds the lanes up.</returns>
    /// <exception cref="Ledger.LedgerUnavailableException">The ledger cannot be reached.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">The broker did not take them.</exception>
    Task<PackResult> SendAsync(ResyncRun run, IReadOnlyList<ResyncPack> packs, CancellationToken cancellationToken);

    /// <summary>The run's counts with what its lanes have accounted for since.</summary>
    /// <exception cref="IOException">That cannot be read.</exception>
    ValueTask<RunCounts> CountsAsync(ResyncRun run, CancellationToken cancellationToken);

    /// <summary>Told that a run has ended: what is kept for it may be forgotten.</summary>
    ValueTask DeleteProgressAsync(ResyncRun run, CancellationToken cancellationToken);
}

/// <summary>Lanes in this process: a page is sent before the next one comes.</summary>
/// <param name="sender">Sends the packs.</param>
/// <param name="paces">Paces the lanes.</param>
public sealed class InProcessLanes(PackSender sender, LaneRateLimiters paces) : IPackLanes
{
    /// <inheritdoc/>
    public ValueTask<TimeSpan?> BacklogDelayAsync(ResyncRun run, CancellationToken cancellationToken) => ValueTask.FromResult<TimeSpan?>(null);

    /// <inheritdoc/>
    public async Task<PackResult> SendAsync(ResyncRun run, IReadOnlyList<ResyncPack> packs, CancellationToken cancellationToken)
    {
        var results = await Task.WhenAll(packs.GroupBy(pack => pack.Lane).Select(lane => SendLaneAsync(lane, cancellationToken))).ConfigureAwait(false);
        return results.Aggregate((a, b) => new PackResult(a.Counts + b.Counts, a.Deferral ?? b.Deferral));
    }

    /// <inheritdoc/>
    public ValueTask<RunCounts> CountsAsync(ResyncRun run, CancellationToken cancellationToken) => ValueTask.FromResult(run.Counts);

    /// <inheritdoc/>
    public ValueTask DeleteProgressAsync(ResyncRun run, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private async Task<PackResult> SendLaneAsync(IGrouping<int, ResyncPack> lane, CancellationToken cancellationToken)
    {
        var counts = new RunCounts();
        foreach (var pack in lane)
        {
            var result = await sender.SendAsync(pack, paces.Of(lane.Key), Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
            counts += result.Counts;
            if (result.Deferral is not null) return new PackResult(counts, result.Deferral);
        }

        return new PackResult(counts, null);
    }
}

/// <summary>The pace of each lane in this process. Thread-safe.</summary>
public sealed class LaneRateLimiters(ResyncOptions options, TimeProvider time)
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<int, LaneRateLimiter> _paces = new();

    /// <summary>A lane's pace, the same one every time.</summary>
    public LaneRateLimiter Of(int lane) => _paces.GetOrAdd(lane, _ => new LaneRateLimiter(options, time));
}
