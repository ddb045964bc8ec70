using ContentSync.Diagnostics;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Resync;

/// <summary>Contents that are handled together: one message, one checkpoint's worth of work in one lane.</summary>
/// <param name="RunId">The run it belongs to.</param>
/// <param name="Page">The run's page, from 0.</param>
/// <param name="Lane">Its lane; one consumer at a time.</param>
/// <param name="Items">The contents, each once.</param>
public sealed record ResyncPack(string RunId, long Page, int Lane, IReadOnlyList<PackItem> Items);

/// <param name="ContentId">Which content.</param>
/// <param name="RequestId">The request that was pending when the pack was made. Where the ledger holds another one by now, this was superseded.</param>
public readonly record struct PackItem(string ContentId, string RequestId);

/// <param name="Counts">What became of its items.</param>
/// <param name="Stop">Set where sending is stopped by a fault that somebody has to mend; the items left are not counted.</param>
public sealed record PackResult(RunCounts Counts, SendStop? Stop);

/// <summary>
/// Brings a pack's contents to AlipayHK, at the lane's pace and a few at a time. One that fails leaves the pack as a message of
/// its own, with its own back-off, and holds nobody up. Sending a pack again costs nothing for what is in step by then.
/// </summary>
public sealed class PackSender(ContentSynchronizer synchronizer, ISyncQueue singles, ResyncOptions options, TimeProvider time)
{
    /// <summary>Wait before asking again for a content that another way in has in flight.</summary>
    private static readonly TimeSpan BusyWait = TimeSpan.FromMilliseconds(100);

    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; nothing is lost.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what is not in step is pending in the ledger.</exception>
    public async Task<PackResult> SendAsync(ResyncPack pack, LanePace pace, CancellationToken cancellationToken)
    {
        // One span for all of them, as for the contents of a message: a span each would cost several times what bulk may.
        using var activity = Telemetry.StartBulk(pack.Items.Count);
        var counts = new RunCounts();
        var gate = new Lock();
        SendStop? stop = null;
        var next = -1;
        using var turn = new SemaphoreSlim(1);
        await Task.WhenAll(Enumerable.Range(0, Math.Min(options.InFlightPerLane, pack.Items.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return new PackResult(counts, stop);

        async Task WorkAsync()
        {
            while (Volatile.Read(ref stop) is null)
            {
                var index = Interlocked.Increment(ref next);
                if (index >= pack.Items.Count) return;
                await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    await pace.TakeAsync(cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    turn.Release();
                }

                var (count, stopped) = await SendAsync(pack.Items[index], cancellationToken).ConfigureAwait(false);
                if (stopped is not null) Volatile.Write(ref stop, stopped);
                lock (gate) counts += count;
            }
        }
    }

    private async Task<(RunCounts Counts, SendStop? Stop)> SendAsync(PackItem item, CancellationToken cancellationToken)
    {
        while (true)
        {
            var outcome = await synchronizer.SynchronizeAsync(item.ContentId, cancellationToken).ConfigureAwait(false);
            switch (outcome.Cause)
            {
                // A pause is not the item's fault: where it passes by itself the lane waits, else the run does.
                case PendingCause.Paused when synchronizer.Stop is { Cause: StopCause.ConfigurationFault } stop:
                    return (new RunCounts(), stop);
                case PendingCause.Paused:
                    await Task.Delay(outcome.Delay, time, cancellationToken).ConfigureAwait(false);
                    break;
                case PendingCause.Busy:
                    await Task.Delay(outcome.Delay < BusyWait ? outcome.Delay : BusyWait, time, cancellationToken).ConfigureAwait(false);
                    break;
                case PendingCause.LedgerUnavailable:
                    throw new LedgerUnavailableException(outcome.Description ?? "The ledger cannot be reached.");
                default:
                    return (await CountAsync(item, outcome, cancellationToken).ConfigureAwait(false), null);
            }
        }
    }

    private async ValueTask<RunCounts> CountAsync(PackItem item, SyncOutcome outcome, CancellationToken cancellationToken)
    {
        var superseded = outcome.Record is { } record && record.RequestId != item.RequestId;
        switch (outcome.Kind)
        {
            case SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged:
                return superseded ? new RunCounts { Superseded = 1 } : new RunCounts { Sent = 1 };
            case SyncOutcomeKind.Rejected or SyncOutcomeKind.DeadLettered:
                return superseded ? new RunCounts { Superseded = 1 } : new RunCounts { Parked = 1 };
            case SyncOutcomeKind.Pending:
                var hop = outcome.Record?.Hop ?? 0;
                await singles.EnqueueAsync([new SyncMessage(item.ContentId, outcome.Record?.RequestId ?? item.RequestId, hop, outcome.Delay)], cancellationToken).ConfigureAwait(false);
                return new RunCounts { Failed = 1 };
            default:
                throw new InvalidOperationException($"The ledger holds no {item.ContentId}, which it has accepted.");
        }
    }
}
