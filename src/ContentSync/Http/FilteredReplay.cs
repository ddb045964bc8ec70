using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Http;

/// <summary>
/// Makes the parked contents that match pending again and wakes the queue for them, many at a time and up to a limit, so that a
/// caller can wait for the answer. They become due one after the other, at <see cref="ReplayOptions.PerSecond"/>.
/// </summary>
public sealed class FilteredReplay(ParkedReplay parked, ISyncLedger ledger, ISyncQueue queue, ReplayOptions options)
{
    /// <summary>Most contents of one call.</summary>
    public const int MaxLimit = 10_000;

    private const int ChunkSize = 256;
    private const int MostIdsNamed = 100;

    /// <summary>What is wrong with a wish, in one sentence; null where nothing is.</summary>
    internal static string? Fault(ReplayRequest request)
    {
        if (request.ParkReason is { } reason && !EnumText.TryRead<ParkReason>(reason, out _)) return $"parkReason is '{reason}'; it is one of {EnumText.All<ParkReason>()}.";
        if (request.Limit is < 1 or > MaxLimit) return $"limit is {request.Limit}; it is a whole number from 1 to {MaxLimit}.";
        foreach (var (name, text) in new[] { ("from", request.From), ("to", request.To) })
        {
            if (text is not null && !ZonedTime.TryParse(text, out _)) return $"{name} is '{Excerpt.Of(text)}'; it is {ZonedTime.Expected}.";
        }

        return request is { All: false, ParkReason: null, ContentType: null, ResultCode: null, From: null, To: null }
            ? "Name at least one of contentType, resultCode, parkReason, from and to, or say \"all\": true."
            : null;
    }

    /// <param name="request">Without a <see cref="Fault"/>.</param>
    /// <param name="cancellationToken">Ends it; what was replayed until then stays so.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; some may have been replayed.</exception>
    internal async Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken)
    {
        ParkReason? reason = request.ParkReason is { } text && EnumText.TryRead<ParkReason>(text, out var named) ? named : null;
        var limit = request.Limit ?? MaxLimit;
        var (matched, replayed, more) = (0, 0, false);
        var contentIds = new List<string>();
        var codes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var chunk = new List<string>(ChunkSize);
        await foreach (var content in parked.ListAsync(new ParkedFilter { Reason = reason, Code = request.ResultCode, From = Time(request.From), To = Time(request.To) }, cancellationToken).ConfigureAwait(false))
        {
            if (request.ContentType is { } type && content.ContentType != type) continue;
            if (matched == limit)
            {
                more = true;
                break;
            }

            matched++;
            if (contentIds.Count < MostIdsNamed) contentIds.Add(content.ContentId);
            var code = content.Code ?? "";
            codes[code] = codes.GetValueOrDefault(code) + 1;
            if (request.DryRun) continue;
            chunk.Add(content.ContentId);
            if (chunk.Count == ChunkSize) replayed += await ReplayAsync(chunk, replayed, cancellationToken).ConfigureAwait(false);
        }

        if (chunk.Count > 0) replayed += await ReplayAsync(chunk, replayed, cancellationToken).ConfigureAwait(false);
        return new ReplayResponse(request.DryRun, matched, replayed, more, codes, contentIds);
    }

    // Together, so that a ledger that commits in groups does it once for all of them.
    private async Task<int> ReplayAsync(List<string> contentIds, int before, CancellationToken cancellationToken)
    {
        var delays = contentIds.Select((_, i) => TimeSpan.FromSeconds((before + i) / options.PerSecond)).ToArray();
        var records = await Task.WhenAll(contentIds.Select((contentId, i) => ledger.ReplayAsync(contentId, delays[i], cancellationToken).AsTask())).ConfigureAwait(false);
        contentIds.Clear();
        var wakes = records.Zip(delays).Where(pair => pair.First is not null).Select(pair => new SyncMessage(pair.First!.ContentId, pair.First.RequestId, pair.First.Hop, pair.Second)).ToArray();
        if (wakes.Length > 0) await queue.TryEnqueueAsync(wakes, cancellationToken).ConfigureAwait(false);
        return wakes.Length;
    }

    private static DateTimeOffset? Time(string? text) => text is not null && ZonedTime.TryParse(text, out var time) ? time : null;
}
