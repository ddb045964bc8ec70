using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>
/// Records items that failed validation, for every input: if one is a newer version of an item that AlipayHK holds, that item is stale from
/// then on. By <see cref="ContentOptions.RefusedVersions"/> it is also delisted. Thread-safe.
/// </summary>
public sealed class RefusedVersions(ContentSynchronizer synchronizer, ContentOptions options)
{
    private const int MaxInFlight = 64;

    /// <summary>Records refused items. Safe to repeat. Items without a readable contentId are left out: no record is theirs.</summary>
    /// <param name="refused">Results without an item, each with the time at which it first reached us.</param>
    /// <param name="cancellationToken">Ends the wait; some of them may have been recorded.</param>
    /// <returns>The records of the items that are delisted because of this; they are pending and must be sent.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger recorded none or only some of them.</exception>
    public async ValueTask<IReadOnlyList<SyncRecord>> RecordAsync(
        IEnumerable<(ContentReadResult Read, DateTimeOffset FirstReceivedAt)> refused, CancellationToken cancellationToken)
    {
        var delisted = new List<SyncRecord>();
        foreach (var chunk in refused.Chunk(MaxInFlight))
        {
            // Concurrently, so that a ledger with group commit commits the chunk once.
            var recording = chunk.Select(one => RecordAsync(one.Read, one.FirstReceivedAt, cancellationToken).AsTask());
            foreach (var record in await Task.WhenAll(recording).ConfigureAwait(false))
            {
                if (record is not null) delisted.Add(record);
            }
        }

        return delisted;
    }

    /// <summary>Records one refused item.</summary>
    /// <returns>The record if the item is delisted because of this and must be sent; null otherwise.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached.</exception>
    public async ValueTask<SyncRecord?> RecordAsync(ContentReadResult read, DateTimeOffset firstReceivedAt, CancellationToken cancellationToken)
    {
        if (read.ContentId is not { } contentId || read.Violations is not [var first, ..]) return null;
        var version = read.VersionAt(firstReceivedAt);
        var message = first.Pointer.Length == 0 ? first.Message : $"{first.Pointer}: {first.Message}";
        var record = await synchronizer.RefuseAsync(contentId, version, first.Code, message, cancellationToken).ConfigureAwait(false);
        if (options.RefusedVersions == RefusedVersionPolicy.Keep) return null;
        if (record is not { ContentStatus: ContentStatus.Valid, Refused.Version: var newest }) return null;

        // With the refused version, so that the corrected item is accepted when it comes.
        var delisting = synchronizer.Submit(Delisting.ById(contentId, newest.Number, newest.GivenTime), newest.FirstReceivedAt);
        var acceptances = await synchronizer.AcceptAsync([delisting], cancellationToken).ConfigureAwait(false);
        return acceptances is [{ Kind: AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending, Record: var delisted }] ? delisted : null;
    }
}
