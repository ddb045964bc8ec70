using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Simulator;

/// <summary>
/// The items that the simulated AlipayHK holds: upsert by contentId, the card-wallet template of a MOVIE, and the journal behind both.
/// </summary>
internal sealed class ContentStore : IDisposable
{
    // The only type whose responses carry a template, according to AlipayHK's documentation.
    private const string TemplateType = "MOVIE";
    private const int TemplateCodeLength = 32;

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, StoredContent> _items = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ulong> _requests = new(StringComparer.Ordinal);
    private readonly ContentJournal? _journal;
    private readonly TimeProvider _time;

    public ContentStore(string? statePath, TimeProvider time)
    {
        _time = time;
        if (statePath is null) return;
        _journal = ContentJournal.Open(statePath, _items);
        foreach (var item in _items.Values) _requests[item.RequestId] = item.BodyHash;
    }

    public int Count => _items.Count;

    /// <summary>Remembers a requestId. False when it was used before with another body.</summary>
    public bool Remember(SynchronizeRequest request) => _requests.GetOrAdd(request.RequestId, request.BodyHash) == request.BodyHash;

    /// <exception cref="IOException">The journal cannot be written; nothing changed.</exception>
    public StoredContent Put(SynchronizeRequest request)
    {
        var now = _time.GetUtcNow();
        lock (_lock)
        {
            _items.TryGetValue(request.ContentId, out var previous);
            return Keep(new StoredContent
            {
                ContentId = request.ContentId,
                ContentType = request.ContentType,
                ContentStatus = request.ContentStatus,
                ContentInfo = request.ContentInfo,
                RequestId = request.RequestId,
                BodyHash = request.BodyHash,
                Calls = (previous?.Calls ?? 0) + 1,
                FirstReceivedAt = previous?.FirstReceivedAt ?? now,
                ReceivedAt = now,
                TemplateCode = request.ContentType == TemplateType ? previous?.TemplateCode ?? TemplateCodeOf(request.ContentId) : null,
                EndDate = request.Traits.EndDate,
                Frozen = request.Traits.Frozen || previous is { Frozen: true },
            }).AsOf(now);
        }
    }

    /// <summary>Freezes or unfreezes an item, as content review does. Null when there is no such item or it has no template.</summary>
    /// <exception cref="IOException">The journal cannot be written; nothing changed.</exception>
    public StoredContent? Freeze(string contentId, bool frozen)
    {
        lock (_lock)
        {
            return _items.TryGetValue(contentId, out var item) && item.TemplateCode is not null
                ? Keep(item with { Frozen = frozen }).AsOf(_time.GetUtcNow())
                : null;
        }
    }

    public StoredContent? Find(string contentId) =>
        _items.TryGetValue(contentId, out var item) ? item.AsOf(_time.GetUtcNow()) : null;

    public Dictionary<string, StoredContent> Snapshot()
    {
        var now = _time.GetUtcNow();
        return _items.ToDictionary(entry => entry.Key, entry => entry.Value.AsOf(now), StringComparer.Ordinal);
    }

    public void Dispose() => _journal?.Dispose();

    private StoredContent Keep(StoredContent item)
    {
        _journal?.Append(item);
        _items[item.ContentId] = item;
        return item;
    }

    private static string TemplateCodeOf(string contentId) =>
        "T" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(contentId)))[..(TemplateCodeLength - 1)];
}
