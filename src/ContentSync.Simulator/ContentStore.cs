using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Simulator;

/// <summary>What the simulated AlipayHK holds: upsert by contentId, the card-wallet template of a MOVIE, and the journal behind both.</summary>
internal sealed class ContentStore : IDisposable
{
    // The only type whose answers carry a template (AlipayHK documents the literal there).
    private const string TemplateType = "MOVIE";
    private const int TemplateCodeLength = 32;

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, StoredContent> _contents = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ulong> _requests = new(StringComparer.Ordinal);
    private readonly ContentJournal? _journal;
    private readonly TimeProvider _time;

    public ContentStore(string? statePath, TimeProvider time)
    {
        _time = time;
        if (statePath is null) return;
        _journal = ContentJournal.Open(statePath, _contents);
        foreach (var held in _contents.Values) _requests[held.RequestId] = held.BodyHash;
    }

    public int Count => _contents.Count;

    /// <summary>Remembers a requestId. False where it came before with another body.</summary>
    public bool Remember(SynchronizeRequest request) => _requests.GetOrAdd(request.RequestId, request.BodyHash) == request.BodyHash;

    /// <exception cref="IOException">The journal cannot be written; nothing has changed.</exception>
    public StoredContent Put(SynchronizeRequest request)
    {
        var now = _time.GetUtcNow();
        lock (_gate)
        {
            _contents.TryGetValue(request.ContentId, out var before);
            return Keep(new StoredContent
            {
                ContentId = request.ContentId,
                ContentType = request.ContentType,
                ContentStatus = request.ContentStatus,
                ContentInfo = request.ContentInfo,
                RequestId = request.RequestId,
                BodyHash = request.BodyHash,
                Calls = (before?.Calls ?? 0) + 1,
                FirstReceivedAt = before?.FirstReceivedAt ?? now,
                ReceivedAt = now,
                TemplateCode = request.ContentType == TemplateType ? before?.TemplateCode ?? TemplateCodeOf(request.ContentId) : null,
                EndDate = request.Traits.EndDate,
                Frozen = request.Traits.Frozen || before is { Frozen: true },
            }).AsOf(now);
        }
    }

    /// <summary>Sets or lifts content review's freeze. Null where there is no such content, or it has no template.</summary>
    /// <exception cref="IOException">The journal cannot be written; nothing has changed.</exception>
    public StoredContent? Freeze(string contentId, bool frozen)
    {
        lock (_gate)
        {
            return _contents.TryGetValue(contentId, out var held) && held.TemplateCode is not null
                ? Keep(held with { Frozen = frozen }).AsOf(_time.GetUtcNow())
                : null;
        }
    }

    public StoredContent? Find(string contentId) => _contents.TryGetValue(contentId, out var held) ? held.AsOf(_time.GetUtcNow()) : null;

    public Dictionary<string, StoredContent> Snapshot()
    {
        var now = _time.GetUtcNow();
        return _contents.ToDictionary(entry => entry.Key, entry => entry.Value.AsOf(now), StringComparer.Ordinal);
    }

    public void Dispose() => _journal?.Dispose();

    private StoredContent Keep(StoredContent content)
    {
        _journal?.Append(content);
        _contents[content.ContentId] = content;
        return content;
    }

    private static string TemplateCodeOf(string contentId) =>
        "T" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(contentId)))[..(TemplateCodeLength - 1)];
}
