using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Ids of authentic messages, kept for as long as a duplicate could still pass the timestamp check. Thread-safe. The cache belongs to this
/// process and is bounded; a duplicate that it misses changes nothing, because the ledger knows the items' revisions and content.
/// </summary>
public sealed class WebhookIdCache(WebhookOptions options, [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <summary>Max ids; the oldest are removed first.</summary>
    public const int Capacity = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, KnownMessage> _messages = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, long At)> _order = new();

    /// <summary>
    /// Adds a message as not accepted, unless its id is known. A sender's retry keeps the time at which the first delivery was received, so
    /// that it does not become newer than what arrived in between.
    /// </summary>
    public KnownMessage GetOrAdd(string id, DateTimeOffset receivedAt)
    {
        lock (_lock)
        {
            RemoveExpired();
            if (_messages.TryGetValue(id, out var known)) return known;
            _order.Enqueue((id, time.GetTimestamp()));
            if (_order.Count > Capacity) _messages.Remove(_order.Dequeue().Id);
            return _messages[id] = new KnownMessage(receivedAt, IsAccepted: false);
        }
    }

    /// <summary>Marks a message as accepted: its retries are duplicates from now on.</summary>
    public void MarkAccepted(string id)
    {
        lock (_lock)
        {
            if (_messages.TryGetValue(id, out var known)) _messages[id] = known with { IsAccepted = true };
        }
    }

    private void RemoveExpired()
    {
        // A timestamp may be one tolerance ahead of the clock when it arrives and one behind when its duplicate arrives.
        while (_order.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > 2 * options.Tolerance) _messages.Remove(_order.Dequeue().Id);
    }
}

/// <summary>A message whose id was seen.</summary>
/// <param name="FirstReceivedAt">When its first delivery was received.</param>
/// <param name="IsAccepted">Whether the ledger holds its items.</param>
public readonly record struct KnownMessage(DateTimeOffset FirstReceivedAt, bool IsAccepted);
