using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Ids of accepted messages, kept for as long as a duplicate could still pass the timestamp check. Thread-safe. The cache belongs to this
/// process and is bounded; a duplicate that it misses changes nothing, because the ledger knows the items' revisions and content.
/// </summary>
public sealed class WebhookIdCache(WebhookOptions options, [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <summary>Max ids; the oldest are removed first.</summary>
    public const int Capacity = 50_000;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, long At)> _order = new();

    /// <summary>Whether the id was added and has not expired.</summary>
    public bool Contains(string id)
    {
        lock (_lock)
        {
            RemoveExpired();
            return _ids.Contains(id);
        }
    }

    public void Add(string id)
    {
        lock (_lock)
        {
            RemoveExpired();
            if (_ids.Add(id)) _order.Enqueue((id, time.GetTimestamp()));
            if (_order.Count > Capacity) _ids.Remove(_order.Dequeue().Id);
        }
    }

    private void RemoveExpired()
    {
        // A timestamp may be one tolerance ahead of the clock when it arrives and one behind when its duplicate arrives.
        while (_order.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > 2 * options.Tolerance) _ids.Remove(_order.Dequeue().Id);
    }
}
