using ContentSync.Diagnostics;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync.Lanes;

/// <summary>Items that are sent together: one message, the work between two checkpoints in one lane.</summary>
/// <param name="RunId">The run it belongs to.</param>
/// <param name="Lane">Its lane; has one consumer at a time.</param>
/// <param name="Number">Its position among the run's packs in this lane, from 0; the same plan always yields the same packs.</param>
/// <param name="Items">The planned items, including those that are only counted.</param>
public sealed record ResyncPack(string RunId, int Lane, long Number, IReadOnlyList<PackItem> Items);

/// <param name="ContentId">The item's contentId.</param>
/// <param name="RequestId">The request pending when the pack was created. If the ledger holds another one by now, this one is superseded.</param>
/// <param name="Status">What the ledger returned when it accepted the item.</param>
public readonly record struct PackItem(string ContentId, string RequestId, PackItemStatus Status = PackItemStatus.Pending);

/// <summary>What the ledger returned when it accepted an item. Items that are not pending are only counted.</summary>
public enum PackItemStatus
{
    /// <summary>To be sent.</summary>
    Pending = 0,

    /// <summary>Already in sync.</summary>
    Unchanged = 1,

    /// <summary>The ledger holds a newer version, from another input or another line of the catalog.</summary>
    Superseded = 2,

    /// <summary>Waits for a person.</summary>
    Parked = 3,
}

/// <param name="Counts">Outcomes of its items.</param>
/// <param name="Deferral">Set if it was not sent completely: the remaining items are not counted; sending it again skips the items in sync.</param>
public sealed record PackResult(RunCounts Counts, PackDeferral? Deferral);

/// <summary>Why a lane cannot continue now.</summary>
/// <param name="Reason">For display.</param>
/// <param name="Delay">How long to wait before the next attempt.</param>
/// <param name="IsFault">True if it lasts until an operator fixes the cause.</param>
/// <param name="IsPause">True if it lasts until an operator resumes sending.</param>
public sealed record PackDeferral(string Reason, TimeSpan Delay, bool IsFault, bool IsPause = false);

/// <summary>
/// Sends a pack's items to AlipayHK, a few at a time and at the rate of bulk sends. An item that fails leaves the pack: it becomes a message of
/// its own with its own back-off, so it does not delay the others. Sending a pack again costs nothing for items that are in sync.
/// </summary>
public sealed class PackSender(
    ContentSynchronizer synchronizer,
    ISyncQueue itemQueue,
    BulkRateLimiter rateLimiter,
    ResyncOptions options,
    [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Wait before the next check of an item that another input is sending.</summary>
    private static readonly TimeSpan MaxBusyWait = TimeSpan.FromMilliseconds(100);

    private static readonly PackDeferral NoBudget = new(
        "No part of the send budget could be leased.", TimeSpan.FromSeconds(10), IsFault: false);

    /// <summary>Sends a pack.</summary>
    /// <param name="pack">Its items are sent in order, up to <see cref="ResyncOptions.InFlightPerLane"/> at a time.</param>
    /// <param name="maxWait">How long an item may wait in the lane until sending resumes; infinite if no other process could take the lane.</param>
    /// <param name="cancellationToken">Stops the sending; items not yet in sync stay pending in the ledger.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; nothing is lost.</exception>
    /// <exception cref="QueueUnavailableException">A single message could not be enqueued; nothing is lost.</exception>
    public async Task<PackResult> SendAsync(ResyncPack pack, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        // One span for the whole pack, as for the items of a message: a span per item would cost several times the budget of a bulk send.
        using var activity = Telemetry.StartBulk(pack.Items.Count);
        var counts = new RunCounts();
        var countsLock = new Lock();
        PackDeferral? deferral = null;
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(options.InFlightPerLane, pack.Items.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return new PackResult(counts, deferral);

        async Task WorkAsync()
        {
            while (Volatile.Read(ref deferral) is null)
            {
                var index = Interlocked.Increment(ref next);
                if (index >= pack.Items.Count) return;
                if (CountOf(pack.Items[index].Status) is { } known)
                {
                    lock (countsLock) counts += known;
                    continue;
                }

                if (!await rateLimiter.AcquireAsync(maxWait, cancellationToken).ConfigureAwait(false))
                {
                    Volatile.Write(ref deferral, NoBudget);
                    return;
                }

                var (count, itemDeferral) = await SendAsync(pack.Items[index], maxWait, cancellationToken).ConfigureAwait(false);
                if (itemDeferral is not null) Volatile.Write(ref deferral, itemDeferral);
                lock (countsLock) counts += count;
            }
        }
    }

    private async Task<(RunCounts Counts, PackDeferral? Deferral)> SendAsync(PackItem item, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var outcome = await synchronizer.SynchronizeAsync(item.ContentId, cancellationToken).ConfigureAwait(false);
            switch (outcome.Cause)
            {
                // A deferral is not the item's fault: the lane waits if the cause passes automatically; otherwise the run waits.
                case PendingCause.Deferred when synchronizer.OpenCircuit is { Cause: TripCause.ConfigurationFault } trip:
                    return (new RunCounts(), new PackDeferral($"AlipayHK responds with {trip.Code} ({trip.Message}).", outcome.Delay, IsFault: true));
                case PendingCause.Paused when outcome.Record is not null:
                    // Only its content type is paused: it leaves the pack, and the sweep sends it after the pause.
                    return (new RunCounts { Failed = 1 }, null);
                case PendingCause.Deferred or PendingCause.Paused
                    when maxWait != Timeout.InfiniteTimeSpan && time.GetElapsedTime(began) + outcome.Delay > maxWait:
                    var isPause = outcome.Cause == PendingCause.Paused;
                    return (new RunCounts(), new PackDeferral(outcome.Description ?? "Sending is deferred.", outcome.Delay, IsFault: false, isPause));
                case PendingCause.Deferred or PendingCause.Paused:
                    await time.WaitAsync(outcome.Delay, cancellationToken).ConfigureAwait(false);
                    break;
                case PendingCause.Busy:
                    await time.WaitAsync(outcome.Delay < MaxBusyWait ? outcome.Delay : MaxBusyWait, cancellationToken).ConfigureAwait(false);
                    break;
                case PendingCause.LedgerUnavailable:
                    throw new LedgerUnavailableException(outcome.Description ?? "The ledger cannot be reached.");
                default:
                    return (await CountAsync(item, outcome, cancellationToken).ConfigureAwait(false), null);
            }
        }
    }

    private static RunCounts? CountOf(PackItemStatus status) => status switch
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
                var message = new SyncMessage(item.ContentId, outcome.Record?.RequestId ?? item.RequestId, hop, outcome.Delay);
                await itemQueue.EnqueueAsync([message], cancellationToken).ConfigureAwait(false);
                return new RunCounts { Failed = 1 };
            default:
                throw new InvalidOperationException($"The ledger does not hold {item.ContentId}, although it accepted it.");
        }
    }
}
