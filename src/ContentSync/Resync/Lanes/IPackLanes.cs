namespace ContentSync.Resync.Lanes;

/// <summary>Where a run's packs go: sent immediately in this process, or enqueued on a broker's sessions.</summary>
public interface IPackLanes
{
    /// <summary>How long to wait before more packs are sent, because enough are waiting in the lanes; null if there is room.</summary>
    ValueTask<TimeSpan?> BacklogDelayAsync(ResyncRun run, CancellationToken cancellationToken);

    /// <summary>Sends or enqueues a page's packs. Once this returns, they cannot be lost. Sending the same packs again is safe.</summary>
    /// <returns>The counts that are final already, and what defers the lanes.</returns>
    /// <exception cref="Ledger.LedgerUnavailableException">The ledger cannot be reached.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">The broker did not accept them.</exception>
    Task<PackResult> SendAsync(ResyncRun run, IReadOnlyList<ResyncPack> packs, CancellationToken cancellationToken);

    /// <summary>The run's counts, including what its lanes have counted so far.</summary>
    /// <exception cref="IOException">The lanes' counts cannot be read.</exception>
    ValueTask<RunCounts> CountsAsync(ResyncRun run, CancellationToken cancellationToken);

    /// <summary>Deletes the progress of a run that has ended.</summary>
    ValueTask DeleteProgressAsync(ResyncRun run, CancellationToken cancellationToken);
}

/// <summary>Lanes in this process: a page is sent before the next one starts.</summary>
/// <param name="sender">Sends the packs.</param>
public sealed class InProcessLanes(PackSender sender) : IPackLanes
{
    /// <inheritdoc/>
    public ValueTask<TimeSpan?> BacklogDelayAsync(ResyncRun run, CancellationToken cancellationToken) =>
        ValueTask.FromResult<TimeSpan?>(null);

    /// <inheritdoc/>
    public async Task<PackResult> SendAsync(ResyncRun run, IReadOnlyList<ResyncPack> packs, CancellationToken cancellationToken)
    {
        var sends = packs.GroupBy(pack => pack.Lane).Select(lane => SendLaneAsync(lane, cancellationToken));
        var results = await Task.WhenAll(sends).ConfigureAwait(false);
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
            var result = await sender.SendAsync(pack, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
            counts += result.Counts;
            if (result.Deferral is not null) return new PackResult(counts, result.Deferral);
        }

        return new PackResult(counts, null);
    }
}
