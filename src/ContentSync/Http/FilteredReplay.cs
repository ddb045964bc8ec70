using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Http;

/// <summary>
/// Makes parked items that match a filter pending again and enqueues them, in chunks and up to a limit, so that a caller can wait for
/// the response. They become due one after another, at <see cref="ReplayOptions.PerSecond"/>.
/// </summary>
public sealed class FilteredReplay(ParkedReplay parked, ISyncLedger ledger, ISyncQueue queue, ReplayOptions options)
{
    /// <summary>Max items per call.</summary>
    public const int MaxLimit = 10_000;

    private const int ChunkSize = 256;
    private const int MaxIdsListed = 100;

    /// <summary>What is wrong with a request, in one sentence; null if it is valid.</summary>
    internal static string? Fault(ReplayRequest request)
    {
        if (request.Reason is { } reason && !EnumText.TryRead<ParkReason>(reason, out _))
            return $"reason is '{reason}'; it must be one of {EnumText.All<ParkReason>()}.";
        if (request.Limit is < 1 or > MaxLimit) return $"limit is {request.Limit}; it must be a whole number from 1 to {MaxLimit}.";
        foreach (var (name, text) in new[] { ("from", request.From), ("to", request.To) })
        {
            if (text is not null && !ZonedTime.TryParse(text, out _)) return $"{name} is '{Excerpt.Of(text)}'; it must be {ZonedTime.Expected}.";
        }

        return request is { All: false, Reason: null, Type: null, Code: null, From: null, To: null }
            ? "Give at least one of type, code, reason, from and to, or \"all\": true."
            : null;
    }

    /// <summary>Replays the matching items, or only counts them in a dry run. Cancellation keeps what was replayed by then.</summary>
    /// <param name="request">A request for which <see cref="Fault"/> returns null.</param>
    /// <param name="cancellationToken">Stops between chunks.</param>
    /// <exception cref="LedgerUnavailableException">The ledger is unavailable; some items may have been replayed.</exception>
    internal async Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken)
    {
        ParkReason? reason = request.Reason is { } text && EnumText.TryRead<ParkReason>(text, out var named) ? named : null;
        var limit = request.Limit ?? MaxLimit;
        var (matched, replayed, more) = (0, 0, false);
        var contentIds = new List<string>();
        var codes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var chunk = new List<string>(ChunkSize);
        var filter = new ParkedFilter { Reason = reason, Code = request.Code, From = Time(request.From), To = Time(request.To) };
        await foreach (var item in parked.ListAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (request.Type is { } type && item.ContentType != type) continue;
            if (matched == limit)
            {
                more = true;
                break;
            }

            matched++;
            if (contentIds.Count < MaxIdsListed) contentIds.Add(item.ContentId);
            var code = item.Code ?? "";
            codes[code] = codes.GetValueOrDefault(code) + 1;
            if (request.DryRun) continue;
            chunk.Add(item.ContentId);
            if (chunk.Count == ChunkSize) replayed += await ReplayAsync(chunk, replayed, cancellationToken).ConfigureAwait(false);
        }

        if (chunk.Count > 0) replayed += await ReplayAsync(chunk, replayed, cancellationToken).ConfigureAwait(false);
        return new ReplayResponse(request.DryRun, matched, replayed, more, codes, contentIds);
    }

    // Concurrently, so that a ledger with group commit commits the whole chunk once.
    private async Task<int> ReplayAsync(List<string> contentIds, int before, CancellationToken cancellationToken)
    {
        var delays = contentIds.Select((_, i) => TimeSpan.FromSeconds((before + i) / options.PerSecond)).ToArray();
        var replays = contentIds.Select((contentId, i) => ledger.ReplayAsync(contentId, delays[i], cancellationToken).AsTask());
        var records = await Task.WhenAll(replays).ConfigureAwait(false);
        contentIds.Clear();
        var messages = records.Zip(delays)
            .Where(pair => pair.First is not null)
            .Select(pair => new SyncMessage(pair.First!.ContentId, pair.First.RequestId, pair.First.Hop, pair.Second))
            .ToArray();
        if (messages.Length > 0) await queue.TryEnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
        return messages.Length;
    }

    private static DateTimeOffset? Time(string? text) => text is not null && ZonedTime.TryParse(text, out var time) ? time : null;
}
