using ContentSync.Budget;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync.Lanes;

/// <summary>Lanes that are sessions of a broker: packs become messages, and the consumer of a session sends them.</summary>
/// <param name="queue">Receives the packs.</param>
/// <param name="progressStore">Holds the counts of the packs that were sent.</param>
/// <param name="options">Limits the packs that wait.</param>
/// <param name="budget">How many may be sent.</param>
public sealed class BrokerLanes(IResyncQueue queue, ILaneProgressStore progressStore, ResyncOptions options, SendBudget budget) : IPackLanes
{
    /// <summary>The delay is an estimate: AlipayHK and the vaults may allow less than the rate, and a run must not wait too long.</summary>
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan MinDelay = TimeSpan.FromSeconds(20);

    /// <inheritdoc/>
    /// <exception cref="IOException">The progress store cannot be read.</exception>
    public async ValueTask<TimeSpan?> BacklogDelayAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        // A run has no more packs waiting than it has enqueued, so most runs never read the store.
        if (run.Packs <= options.MaxWaitingPacks) return null;
        var waiting = run.Packs;
        await foreach (var progress in progressStore.ListAsync(run.RunId, cancellationToken).ConfigureAwait(false)) waiting -= progress.CountedPacks;
        if (waiting <= options.MaxWaitingPacks) return null;
        var perSecond = (budget.Ceiling ?? options.SendsPerSecond) * (1 - options.ReservedShare);
        if (perSecond <= 0) return MinDelay;
        var half = TimeSpan.FromSeconds(Math.Min(MaxDelay.TotalSeconds, waiting * run.ItemsPerPack / (2 * perSecond)));
        return half > MinDelay ? half : MinDelay;
    }

    /// <inheritdoc/>
    public async Task<PackResult> SendAsync(ResyncRun run, IReadOnlyList<ResyncPack> packs, CancellationToken cancellationToken)
    {
        var messages = packs.Select(pack => ResyncMessages.Pack(pack, hop: 0, TimeSpan.Zero));
        await queue.EnqueueAsync([.. messages], cancellationToken).ConfigureAwait(false);
        return new PackResult(new RunCounts(), null);
    }

    /// <inheritdoc/>
    public async ValueTask<RunCounts> CountsAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        var counts = run.Counts;
        await foreach (var progress in progressStore.ListAsync(run.RunId, cancellationToken).ConfigureAwait(false)) counts += progress.Counts;
        return counts;
    }

    /// <inheritdoc/>
    public ValueTask DeleteProgressAsync(ResyncRun run, CancellationToken cancellationToken) =>
        progressStore.DeleteAsync(run.RunId, cancellationToken);
}

/// <summary>Schedules a run with a message, which any instance may process.</summary>
public sealed class BrokerResyncScheduler(IResyncQueue queue, [FromKeyedServices(Clocks.Store)] TimeProvider time) : IResyncScheduler
{
    /// <inheritdoc/>
    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken) =>
        queue.EnqueueAsync([ResyncMessages.FirstStep(run, time.GetUtcNow())], cancellationToken);
}
