using System.Runtime.CompilerServices;
using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>Lists what is parked and sends it again by a person's wish. Replaying twice sends once: what is pending again is left alone.</summary>
public sealed class ParkedReplay(ISyncLedger ledger, ISyncQueue queue, ReplayOptions options, TimeProvider time)
{
    /// <summary>Streams the parked contents that match, in no promised order.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async IAsyncEnumerable<ParkedItem> ListAsync(ParkedFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var records = filter.ContentIds is { } ids
            ? FindAsync(ids, cancellationToken)
            : ledger.ListAsync(new SyncRecordFilter { State = SyncState.Parked, ResultCode = filter.Code }, cancellationToken);
        await foreach (var record in records.ConfigureAwait(false))
        {
            if (filter.Matches(record)) yield return ParkedItem.Of(record);
        }
    }

    /// <summary>
    /// Makes the matching contents pending again, at most <see cref="ReplayOptions.PerSecond"/>, each with all its attempts. What the
    /// queue does not take is found by the sweep.
    /// </summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="isDryRun">Only counts what a replay would send.</param>
    /// <param name="cancellationToken">Stops between two contents; those before it are replayed. Running it again does the rest.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; running it again does the rest.</exception>
    public async Task<ReplayResult> RunAsync(ParkedFilter filter, bool isDryRun, CancellationToken cancellationToken)
    {
        var (matched, replayed, notEnqueued) = (0, 0, 0);
        var started = time.GetTimestamp();
        await foreach (var parked in ListAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            matched++;
            if (isDryRun) continue;

            // Somebody else may have replayed it, or a newer content may have taken its place, since it was listed.
            if (await ledger.ReplayAsync(parked.ContentId, TimeSpan.Zero, cancellationToken).ConfigureAwait(false) is not { } record) continue;
            replayed++;
            if (!await TryEnqueueAsync(record, cancellationToken).ConfigureAwait(false)) notEnqueued++;
            var ahead = TimeSpan.FromSeconds(replayed / options.PerSecond) - time.GetElapsedTime(started);
            if (ahead > TimeSpan.Zero) await Task.Delay(ahead, time, cancellationToken).ConfigureAwait(false);
        }

        return new ReplayResult(matched, replayed, notEnqueued);
    }

    private async ValueTask<bool> TryEnqueueAsync(SyncRecord record, CancellationToken cancellationToken)
    {
        try
        {
            await queue.EnqueueAsync([new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)], cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (QueueUnavailableException)
        {
            return false;
        }
    }

    private async IAsyncEnumerable<SyncRecord> FindAsync(IReadOnlyCollection<string> ids, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            if (await ledger.FindAsync(id, cancellationToken).ConfigureAwait(false) is { } record) yield return record;
        }
    }
}

/// <summary>How parked contents are sent again.</summary>
public sealed class ReplayOptions
{
    /// <summary>Most contents made due per second, so that a large replay does not crowd out what comes in meanwhile. More than 0.</summary>
    public double PerSecond { get; set; } = 10;
}

/// <summary>Which parked contents; a null member matches all, several members must all match.</summary>
public sealed record ParkedFilter
{
    public IReadOnlyCollection<string>? ContentIds { get; init; }

    public ParkReason? Reason { get; init; }

    /// <summary>Of the last attempt: AlipayHK's resultCode, or one of the client's own.</summary>
    public string? Code { get; init; }

    /// <summary>Parked at this time or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Parked before this time.</summary>
    public DateTimeOffset? To { get; init; }

    internal bool Matches(SyncRecord record) =>
        record.State == SyncState.Parked
        && (ContentIds is null || ContentIds.Contains(record.ContentId))
        && (Reason is null || record.ParkReason == Reason)
        && (Code is null || record.LastAttempt?.Code == Code)
        && (From is null || record.LastAttempt?.At >= From)
        && (To is null || record.LastAttempt?.At < To);
}

/// <summary>A parked content, as a person needs to see it.</summary>
/// <param name="ContentId">Which.</param>
/// <param name="ContentType">As AlipayHK spells it.</param>
/// <param name="Revision">Which of its revisions.</param>
/// <param name="Reason">Why it is parked.</param>
/// <param name="Code">Of the last attempt.</param>
/// <param name="Message">Of the last attempt.</param>
/// <param name="Attempts">How many were spent.</param>
/// <param name="AcceptedAt">When the content was accepted, or replayed last.</param>
/// <param name="ParkedAt">When the last attempt ended.</param>
/// <param name="RequestId">Of the request, on every attempt.</param>
/// <param name="TracerId">AlipayHK's trace id of the last attempt, to be quoted to its support.</param>
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
    internal static ParkedItem Of(SyncRecord record) => new(
        record.ContentId,
        record.ContentType,
        record.Revision.ToString(),
        record.ParkReason!.Value,
        record.LastAttempt?.Code,
        record.LastAttempt?.Message,
        record.Attempts,
        record.AcceptedAt,
        record.LastAttempt?.At,
        record.RequestId,
        record.LastAttempt?.TracerId);
}

/// <param name="Matched">Parked contents that matched.</param>
/// <param name="Replayed">Made pending again by this run; 0 in a dry run.</param>
/// <param name="NotEnqueued">Of those, how many the queue did not take; the sweep finds them.</param>
public readonly record struct ReplayResult(int Matched, int Replayed, int NotEnqueued);
