using ContentSync.Budget;
using ContentSync.Diagnostics;
using ContentSync.Diagnostics.Trends;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Synchronization;

/// <summary>Enqueues items that are pending past their due time because a message was lost or a process died.</summary>
public sealed class PendingSweep(
    ISyncLedger ledger,
    ISyncQueue queue,
    SharedCircuitBreaker breaker,
    SendSwitch sendSwitch,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    TrendRecorder? trends = null)
{
    private const int PageSize = 256;

    /// <summary>
    /// Items enqueued while the circuit breaker is open. Without any, there might be no probe, and the circuit breaker would never reset.
    /// </summary>
    private const int MaxProbes = 4;

    /// <summary>
    /// Enqueues overdue items. While the app's circuit breaker is open, it enqueues only a few as probes, because the others would only be
    /// deferred; the result still reports the age of all. It enqueues no item whose sending is paused.
    /// </summary>
    /// <param name="grace">How long past its due time an item must be. Leaves out items whose message is still on its way.</param>
    /// <param name="cancellationToken">Ends the sweep between two pages.</param>
    public async Task<SweepResult> RunAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        var isOpen = await breaker.OpenStateAsync(cancellationToken).ConfigureAwait(false) is not null;
        var sending = await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false);
        Telemetry.SendingStopped.Record(isOpen ? 1 : 0, new KeyValuePair<string, object?>("cause", "circuitBreaker"));
        Telemetry.SendingStopped.Record(sending.PauseOf(null) is null ? 0 : 1, new KeyValuePair<string, object?>("cause", "pause"));
        var now = time.GetUtcNow();
        var enqueued = 0;
        var oldest = now;
        var page = new List<SyncMessage>(PageSize);
        var overdue = new SyncRecordFilter { State = SyncState.Pending, DueBy = now - grace };
        await foreach (var item in ledger.ListItemsAsync(overdue, cancellationToken).ConfigureAwait(false))
        {
            if (item.AcceptedAt < oldest) oldest = item.AcceptedAt;
            if (sending.PauseOf(item.ContentType) is not null) continue;
            if ((isOpen && page.Count == MaxProbes) || (item.LeaseExpiresAt > now)) continue;
            page.Add(new SyncMessage(item.ContentId, item.RequestId, item.Hop, TimeSpan.Zero));
            if (page.Count < PageSize) continue;
            await queue.EnqueueAsync(page, cancellationToken).ConfigureAwait(false);
            enqueued += page.Count;
            page = new List<SyncMessage>(PageSize);
        }

        if (page.Count > 0) await queue.EnqueueAsync(page, cancellationToken).ConfigureAwait(false);
        Telemetry.OldestPendingAge.Record((now - oldest).TotalSeconds);
        await RecordAsync(now - oldest, cancellationToken).ConfigureAwait(false);
        return new SweepResult(enqueued + page.Count, now - oldest);
    }

    // The sweep also runs while nothing is sent, which is when the backlog grows.
    private async ValueTask RecordAsync(TimeSpan oldest, CancellationToken cancellationToken)
    {
        if (trends is not { NeedsBacklog: true }) return;
        var counts = await ledger.CountAsync(cancellationToken).ConfigureAwait(false);
        trends.SetPending(oldest, counts.States.GetValueOrDefault(SyncState.Pending));
        trends.Save(all: true);
    }
}

/// <param name="Enqueued">Number of items enqueued.</param>
/// <param name="OldestPendingAge">Time since the oldest overdue item was accepted; zero if nothing is overdue.</param>
public readonly record struct SweepResult(int Enqueued, TimeSpan OldestPendingAge);
