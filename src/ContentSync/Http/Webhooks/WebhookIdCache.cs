namespace ContentSync.Http.Webhooks;

/// <summary>
/// Ids of messages that were taken in, for as long as a copy of them could still pass the check of its time. Thread-safe. Of this
/// process only; a copy that comes to another one, or when more came than are remembered, changes nothing either, since the
/// ledger knows its revision and content.
/// </summary>
public sealed class WebhookIdCache(WebhookOptions options, TimeProvider time)
{
    /// <summary>Most ids remembered; the oldest go first.</summary>
    public const int Capacity = 50_000;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, long At)> _order = new();

    /// <summary>True where the id was added before and could still come back.</summary>
    public bool Contains(string id)
    {
        lock (_lock)
        {
            RemoveExpired();
            return _ids.Contains(id);
        }
    }

    /// <summary>Remembers an id.</summary>
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
        // From as far ahead as is allowed to as far back.
        while (_order.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > 2 * options.Tolerance) _ids.Remove(_order.Dequeue().Id);
    }
}
