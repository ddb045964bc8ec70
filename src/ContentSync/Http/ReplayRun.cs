using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Http;

/// <summary>
/// Makes the parked contents that match pending again and wakes the queue for them, many at a time and up to a limit, so that a
/// caller can wait for the answer.
/// </summary>
public sealed class ReplayRun(ParkedReplay parked, ISyncLedger ledger, ISyncQueue queue)
{
    /// <summary>Most contents of one call.</summary>
    public const int MaxLimit = 10_000;

    private const int ChunkSize = 256;
    private const int MostIdsNamed = 100;

    /// <summary>What is wrong with a wish, in one sentence; null where nothing is.</summary>
    internal static string? Fault(ReplayRequest wish)
    {
        if (wish.ParkReason is { } reason && !Spelling.TryRead<ParkReason>(reason, out _)) return $"parkReason is '{reason}'; it is one of {Spelling.All<ParkReason>()}.";
        if (wish.Limit is < 1 or > MaxLimit) return $"limit is {wish.Limit}; it is a whole number from 1 to {MaxLimit}.";
        return wish is { All: false, ParkReason: null, ContentType: null, ResultCode: null }
            ? "Name at least one of contentType, resultCode and parkReason, or say \"all\": true."
            : null;
    }

    /// <param name="wish">Without a <see cref="Fault"/>.</param>
    /// <param name="cancellationToken">Ends it; what was replayed until then stays so.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; some may have been replayed.</exception>
    internal async Task<ReplayAnswer> ReplayAsync(ReplayRequest wish, CancellationToken cancellationToken)
    {
        ParkReason? reason = wish.ParkReason is { } text && Spelling.TryRead<ParkReason>(text, out var named) ? named : null;
        var limit = wish.Limit ?? MaxLimit;
        var (matched, replayed, more) = (0, 0, false);
        var contentIds = new List<string>();
        var codes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var chunk = new List<string>(ChunkSize);
        await foreach (var content in parked.ListAsync(new ParkedFilter { Reason = reason, Code = wish.ResultCode }, cancellationToken).ConfigureAwait(false))
        {
            if (wish.ContentType is { } type && content.ContentType != type) continue;
            if (matched == limit)
            {
                more = true;
                break;
            }

            matched++;
            if (contentIds.Count < MostIdsNamed) contentIds.Add(content.ContentId);
            var code = content.Code ?? "";
            codes[code] = codes.GetValueOrDefault(code) + 1;
            if (wish.DryRun) continue;
            chunk.Add(content.ContentId);
            if (chunk.Count == ChunkSize) replayed += await ReplayAsync(chunk, cancellationToken).ConfigureAwait(false);
        }

        if (chunk.Count > 0) replayed += await ReplayAsync(chunk, cancellationToken).ConfigureAwait(false);
        return new ReplayAnswer(wish.DryRun, matched, replayed, more, codes, contentIds);
    }

    // Together, so that a ledger that commits in groups does it once for all of them.
    private async Task<int> ReplayAsync(List<string> contentIds, CancellationToken cancellationToken)
    {
        var records = await Task.WhenAll(contentIds.Select(contentId => ledger.ReplayAsync(contentId, cancellationToken).AsTask())).ConfigureAwait(false);
        contentIds.Clear();
        var wakes = records.OfType<SyncRecord>().Select(record => new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)).ToArray();
        if (wakes.Length > 0) await queue.WakeAsync(wakes, cancellationToken).ConfigureAwait(false);
        return wakes.Length;
    }
}
