using System.Runtime.CompilerServices;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Synchronization;

/// <summary>Lists and replays parked items. A second replay sends nothing more, because a pending item is skipped.</summary>
public sealed class ParkedReplay(ISyncLedger ledger, ISyncQueue queue, ReplayOptions options, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Streams the parked items that match, in no particular order.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async IAsyncEnumerable<ParkedItem> ListAsync(ParkedFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var items = filter.ContentIds is { } ids
            ? FindAsync(ids, cancellationToken)
            : ledger.ListItemsAsync(filter.Records, cancellationToken);
        await foreach (var item in items.ConfigureAwait(false))
        {
            if (filter.Matches(item)) yield return ParkedItem.Of(item);
        }
    }

    /// <summary>
    /// Makes the matching items pending, no faster than <see cref="ReplayOptions.PerSecond"/>. Each gets its full number of attempts.
    /// The sweep enqueues any item that the queue did not accept.
    /// </summary>
    /// <param name="filter">The items to replay.</param>
    /// <param name="isDryRun">Only counts the items that a replay would send.</param>
    /// <param name="cancellationToken">Stops between two items. Items before it are replayed; run again to replay the rest.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; run again to replay the rest.</exception>
    public async Task<ReplayResult> RunAsync(ParkedFilter filter, bool isDryRun, CancellationToken cancellationToken)
    {
        var (matched, replayed, notEnqueued) = (0, 0, 0);
        var started = time.GetTimestamp();
        await foreach (var parked in ListAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            matched++;
            if (isDryRun) continue;

            // Since it was listed, the item may have been replayed by another caller or replaced by a newer version.
            if (await ledger.ReplayAsync(parked.ContentId, TimeSpan.Zero, cancellationToken).ConfigureAwait(false) is not { } record) continue;
            replayed++;
            if (!await TryEnqueueAsync(record, cancellationToken).ConfigureAwait(false)) notEnqueued++;
            var ahead = TimeSpan.FromSeconds(replayed / options.PerSecond) - time.GetElapsedTime(started);
            if (ahead > TimeSpan.Zero) await time.DelayAsync(ahead, cancellationToken).ConfigureAwait(false);
        }

        return new ReplayResult(matched, replayed, notEnqueued);
    }

    private async ValueTask<bool> TryEnqueueAsync(SyncRecord record, CancellationToken cancellationToken)
    {
        try
        {
            var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
            await queue.EnqueueAsync([message], cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (QueueUnavailableException)
        {
            return false;
        }
    }

    private async IAsyncEnumerable<ListedItem> FindAsync(
        IReadOnlyCollection<string> ids, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            if (await ledger.FindAsync(id, cancellationToken).ConfigureAwait(false) is { } record) yield return ListedItem.Of(record);
        }
    }
}

/// <summary>How parked items are replayed.</summary>
public sealed class ReplayOptions
{
    /// <summary>The name that faults give these options.</summary>
    public const string Section = "Replay";

    /// <summary>Maximum number of items replayed per second, so that a large replay does not crowd out new items.</summary>
    public double PerSecond { get; set; } = 10;
}

/// <summary>Selects parked items. A null member matches all; an item must match every other member.</summary>
public sealed record ParkedFilter
{
    public IReadOnlyCollection<string>? ContentIds { get; init; }

    public ParkReason? Reason { get; init; }

    /// <summary>Code of the last attempt: AlipayHK's resultCode or one of the client's own.</summary>
    public string? Code { get; init; }

    /// <summary>Parked at this time or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Parked before this time.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>What the ledger can select by itself.</summary>
    internal SyncRecordFilter Records => new() { State = SyncState.Parked, ParkReason = Reason, ResultCode = Code };

    internal bool Matches(ListedItem item) =>
        item.State == SyncState.Parked
        && (ContentIds is null || ContentIds.Contains(item.ContentId))
        && (Reason is null || item.ParkReason == Reason)
        && (Code is null || item.LastAttempt?.Code == Code)
        && (From is null || item.LastAttempt?.At >= From)
        && (To is null || item.LastAttempt?.At < To);
}

/// <summary>A parked item, with what a person needs to decide about it.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="ContentType">As AlipayHK spells it.</param>
/// <param name="Revision">Revision of the parked version.</param>
/// <param name="Reason">Why it is parked.</param>
/// <param name="Code">Code of the last attempt.</param>
/// <param name="Message">Message of the last attempt.</param>
/// <param name="Attempts">Number of attempts spent.</param>
/// <param name="AcceptedAt">When this content was accepted or last replayed.</param>
/// <param name="ParkedAt">When the last attempt ended.</param>
/// <param name="RequestId">Request id that every attempt sent.</param>
/// <param name="TracerId">AlipayHK's id of the last request, for its support.</param>
public sealed record ParkedItem(
    string ContentId,
    string ContentType,
    string Revision,
    ParkReason Reason,
    string? Code,
    string? Message,
    int Attempts,
    DateTimeOffset AcceptedAt,
    DateTimeOffset? ParkedAt,
    string RequestId,
    string? TracerId)
{
    internal static ParkedItem Of(ListedItem item) => new(
        item.ContentId,
        item.ContentType,
        item.Version.ToString(),
        item.ParkReason!.Value,
        item.LastAttempt?.Code,
        item.LastAttempt?.Message,
        item.Attempts,
        item.AcceptedAt,
        item.LastAttempt?.At,
        item.RequestId,
        item.LastAttempt?.TracerId);
}

/// <param name="Matched">Parked items that matched.</param>
/// <param name="Replayed">Items that this call made pending; 0 in a dry run.</param>
/// <param name="NotEnqueued">Replayed items that the queue did not accept; the sweep enqueues them.</param>
public readonly record struct ReplayResult(int Matched, int Replayed, int NotEnqueued);
