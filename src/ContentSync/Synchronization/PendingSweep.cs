using ContentSync.Diagnostics;
using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>Finds contents that are pending past their due time, because a message was lost or a process died, and enqueues them again.</summary>
public sealed class PendingSweep(ISyncLedger ledger, ISyncQueue queue, CircuitBreaker gate, TimeProvider time)
{
    private const int PageSize = 256;

    /// <summary>What is enqueued while sending is stopped. Without any, there might be no probe, and the stop would never end.</summary>
    private const int ProbesWhileStopped = 4;

    /// <summary>Enqueues what is overdue; while sending is stopped just a few, to probe with, since the others would only come back. Their age counts all the same.</summary>
    /// <param name="grace">How long past its due time a content must be, so that what is on its way anyhow is left alone.</param>
    /// <param name="cancellationToken">Ends the sweep between two pages.</param>
    /// <returns>How many were enqueued, and how long the oldest pending content has waited since its acceptance.</returns>
    public async Task<SweepResult> RunAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        var isStopped = gate.OpenState is not null;
        var now = time.GetUtcNow();
        var enqueued = 0;
        var oldest = now;
        var page = new List<SyncMessage>(PageSize);
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter { State = SyncState.Pending, DueBy = now - grace }, cancellationToken).ConfigureAwait(false))
        {
            if (record.AcceptedAt < oldest) oldest = record.AcceptedAt;
            if ((isStopped && page.Count == ProbesWhileStopped) || (record.Lease is { } lease && lease.ExpiresAt > now)) continue;
            page.Add(new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero));
            if (page.Count < PageSize) continue;
            await queue.EnqueueAsync(page, cancellationToken).ConfigureAwait(false);
            enqueued += page.Count;
            page = new List<SyncMessage>(PageSize);
        }

        if (page.Count > 0) await queue.EnqueueAsync(page, cancellationToken).ConfigureAwait(false);
        Telemetry.OldestPendingAge.Record((now - oldest).TotalSeconds);
        return new SweepResult(enqueued + page.Count, now - oldest);
    }
}

/// <param name="Enqueued">Contents enqueued again.</param>
/// <param name="OldestPendingAge">Since acceptance; zero where nothing is overdue.</param>
public readonly record struct SweepResult(int Enqueued, TimeSpan OldestPendingAge);
