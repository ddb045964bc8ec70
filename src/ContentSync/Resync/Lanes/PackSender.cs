using ContentSync.AlipayHk;
using ContentSync.Diagnostics;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Resync.Lanes;

/// <summary>Contents that are handled together: one message, one checkpoint's worth of work in one lane.</summary>
/// <param name="RunId">The run it belongs to.</param>
/// <param name="Lane">Its lane; one consumer at a time.</param>
/// <param name="Number">Its place among the packs of its run in its lane, from 0; the same plan always makes the same packs.</param>
/// <param name="Items">The planned items of this pack, sent or not.</param>
public sealed record ResyncPack(string RunId, int Lane, long Number, IReadOnlyList<PackItem> Items);

/// <param name="ContentId">Which content.</param>
/// <param name="RequestId">The request that was pending when the pack was made. Where the ledger holds another one by now, this was superseded.</param>
/// <param name="Status">What the ledger said when it was taken in.</param>
public readonly record struct PackItem(string ContentId, string RequestId, PackItemStatus Status = PackItemStatus.Pending);

/// <summary>What the ledger said of an item when it was taken in. All but the pending ones are only counted.</summary>
public enum PackItemStatus
{
    /// <summary>To be sent.</summary>
    Pending = 0,

    /// <summary>In step already.</summary>
    Unchanged = 1,

    /// <summary>Something newer is known, from elsewhere or from another line of the catalog.</summary>
    Superseded = 2,

    /// <summary>Waits for a person.</summary>
    Parked = 3,
}

/// <param name="Counts">What became of its items.</param>
/// <param name="Deferral">Set where it was left half done: the items left are not counted, and sending it again finds the others in step.</param>
public sealed record PackResult(RunCounts Counts, PackDeferral? Deferral);

/// <summary>What keeps a lane from going on.</summary>
/// <param name="Reason">For people.</param>
/// <param name="Delay">How long to stay away.</param>
/// <param name="IsFault">Somebody has to mend something; it does not pass by itself.</param>
public sealed record PackDeferral(string Reason, TimeSpan Delay, bool IsFault);

/// <summary>
/// Brings a pack's contents to AlipayHK, at the lane's pace and a few at a time. One that fails leaves the pack as a message of
/// its own, with its own back-off, and holds nobody up. Sending a pack again costs nothing for what is in step by then.
/// </summary>
public sealed class PackSender(ContentSynchronizer synchronizer, ISyncQueue singles, ResyncOptions options, TimeProvider time)
{
    /// <summary>Wait before asking again for a content that another way in has in flight.</summary>
    private static readonly TimeSpan BusyWait = TimeSpan.FromMilliseconds(100);

    /// <summary>Sends a pack.</summary>
    /// <param name="pack">Which.</param>
    /// <param name="rateLimiter">Its lane's.</param>
    /// <param name="maxWait">How long to wait in the lane for a pause to pass, from its first answer on; infinite where nobody else could take the lane.</param>
    /// <param name="cancellationToken">Ends it; what is not in step is pending in the ledger.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; nothing is lost.</exception>
    /// <exception cref="QueueUnavailableException">A single message could not be enqueued; nothing is lost.</exception>
    public async Task<PackResult> SendAsync(ResyncPack pack, LaneRateLimiter rateLimiter, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        // One span for all of them, as for the contents of a message: a span each would cost several times what bulk may.
        using var activity = Telemetry.StartBulk(pack.Items.Count);
        var counts = new RunCounts();
        var gate = new Lock();
        PackDeferral? hold = null;
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(options.InFlightPerLane, pack.Items.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return new PackResult(counts, hold);

        async Task WorkAsync()
        {
            while (Volatile.Read(ref hold) is null)
            {
                var index = Interlocked.Increment(ref next);
                if (index >= pack.Items.Count) return;
                if (CountOf(pack.Items[index].Status) is { } known)
                {
                    lock (gate) counts += known;
                    continue;
                }

                await rateLimiter.AcquireAsync(cancellationToken).ConfigureAwait(false);
                var (count, held) = await SendAsync(pack.Items[index], maxWait, cancellationToken).ConfigureAwait(false);
                if (held is not null) Volatile.Write(ref hold, held);
                lock (gate) counts += count;
            }
        }
    }

    private async Task<(RunCounts Counts, PackDeferral? Hold)> SendAsync(PackItem item, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var outcome = await synchronizer.SynchronizeAsync(item.ContentId, cancellationToken).ConfigureAwait(false);
            switch (outcome.Cause)
            {
                // A pause is not the item's fault: where it passes by itself the lane waits, else the run does.
                case PendingCause.Deferred when synchronizer.OpenCircuit is { Cause: TripCause.ConfigurationFault } stop:
                    return (new RunCounts(), new PackDeferral($"AlipayHK answers {stop.Code} ({stop.Message})", outcome.Delay, IsFault: true));
                case PendingCause.Deferred when maxWait != Timeout.InfiniteTimeSpan && time.GetElapsedTime(began) + outcome.Delay > maxWait:
                    return (new RunCounts(), new PackDeferral(outcome.Description ?? "Sending is paused.", outcome.Delay, IsFault: false));
                case PendingCause.Deferred:
                    await time.WaitAsync(outcome.Delay, cancellationToken).ConfigureAwait(false);
                    break;
                case PendingCause.Busy:
                    await time.WaitAsync(outcome.Delay < BusyWait ? outcome.Delay : BusyWait, cancellationToken).ConfigureAwait(false);
                    break;
                case PendingCause.LedgerUnavailable:
                    throw new LedgerUnavailableException(outcome.Description ?? "The ledger cannot be reached.");
                default:
                    return (await CountAsync(item, outcome, cancellationToken).ConfigureAwait(false), null);
            }
        }
    }

    private static RunCounts? CountOf(PackItemStatus fate) => fate switch
    {
        PackItemStatus.Unchanged => new RunCounts { Unchanged = 1 },
        PackItemStatus.Superseded => new RunCounts { Superseded = 1 },
        PackItemStatus.Parked => new RunCounts { Parked = 1 },
        _ => null,
    };

    private async ValueTask<RunCounts> CountAsync(PackItem item, SyncOutcome outcome, CancellationToken cancellationToken)
    {
        var superseded = outcome.Record is { } record && record.RequestId != item.RequestId;
        switch (outcome.Kind)
        {
            case SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged:
                return superseded ? new RunCounts { Superseded = 1 } : new RunCounts { Sent = 1 };
            case SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked:
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
