namespace ContentSync.Resync.Lanes;

/// <summary>Lanes that are a broker's sessions: packs become messages, and whoever holds a session sends them.</summary>
/// <param name="queue">Takes the packs.</param>
/// <param name="book">Knows what became of them.</param>
/// <param name="options">Bounds what waits.</param>
public sealed class BrokerLanes(IResyncQueue queue, ILaneProgressStore book, ResyncOptions options) : IPackLanes
{
    /// <summary>The estimate is one: partner and vaults may give less than the rate, and a run must not oversleep what they gave.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(20);

    /// <inheritdoc/>
    /// <exception cref="IOException">The lane book cannot be read.</exception>
    public async ValueTask<TimeSpan?> BacklogDelayAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        // What was never handed over cannot wait, so most runs never ask the book.
        if (run.Packs <= options.MaxWaitingPacks) return null;
        var waiting = run.Packs;
        await foreach (var standing in book.ListAsync(run.RunId, cancellationToken).ConfigureAwait(false)) waiting -= standing.CountedPacks;
        if (waiting <= options.MaxWaitingPacks) return null;
        var perSecond = options.SendsPerSecond * (1 - options.ReservedShare);
        if (perSecond <= 0) return ShortestWait;
        var half = TimeSpan.FromSeconds(Math.Min(LongestWait.TotalSeconds, waiting * run.ItemsPerPack / (2 * perSecond)));
        return half > ShortestWait ? half : ShortestWait;
    }

    /// <inheritdoc/>
    public async Task<PackResult> SendAsync(ResyncRun run, IReadOnlyList<ResyncPack> packs, CancellationToken cancellationToken)
    {
        await queue.EnqueueAsync([.. packs.Select(pack => ResyncMessages.Pack(pack, hop: 0, TimeSpan.Zero))], cancellationToken).ConfigureAwait(false);
        return new PackResult(new RunCounts(), null);
    }

    /// <inheritdoc/>
    public async ValueTask<RunCounts> CountsAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        var counts = run.Counts;
        await foreach (var standing in book.ListAsync(run.RunId, cancellationToken).ConfigureAwait(false)) counts += standing.Counts;
        return counts;
    }

    /// <inheritdoc/>
    public ValueTask DeleteProgressAsync(ResyncRun run, CancellationToken cancellationToken) => book.DeleteAsync(run.RunId, cancellationToken);
}

/// <summary>Wakes whichever instance takes the message.</summary>
public sealed class BrokerResyncScheduler(IResyncQueue queue, TimeProvider time) : IResyncScheduler
{
    /// <inheritdoc/>
    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken) => queue.EnqueueAsync([ResyncMessages.FirstStep(run, time.GetUtcNow())], cancellationToken);
}
