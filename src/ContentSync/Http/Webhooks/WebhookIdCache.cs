using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Ids of authentic messages, kept for as long as a duplicate could still pass the timestamp check; digests of bodies, whose time is not
/// signed, for as long as their senders retry. Thread-safe. The cache belongs to this
/// process and is bounded; a duplicate that it misses changes nothing, because the ledger knows the items' revisions and content.
/// </summary>
public sealed class WebhookIdCache(WebhookOptions options, [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <summary>Max ids, and max digests; the oldest are removed first.</summary>
    public const int Capacity = 50_000;

    // No signed id has a blank.
    private const string DigestMark = " sha256:";

    /// <summary>Event Grid delivers again for up to 24 hours, and Shopify for 4.</summary>
    private static readonly TimeSpan DigestRetention = TimeSpan.FromHours(24);

    private readonly Lock _lock = new();

    // A timestamp may be one tolerance ahead of the clock when it arrives and one behind when its duplicate arrives.
    private readonly Window _ids = new(2 * options.Tolerance, time);
    private readonly Window _digests = new(DigestRetention, time);

    /// <summary>The id of a message without a signed one.</summary>
    public static string IdOfBody(WebhookSender sender, ReadOnlySpan<byte> sha256) => $"{sender}{DigestMark}{Convert.ToHexStringLower(sha256)}";

    /// <summary>
    /// Adds a message as not accepted, unless its id is known. A sender's retry keeps the time at which the first delivery was received, so
    /// that it does not become newer than what arrived in between.
    /// </summary>
    public KnownMessage GetOrAdd(string id, DateTimeOffset receivedAt)
    {
        lock (_lock)
        {
            return WindowOf(id).GetOrAdd(id, receivedAt);
        }
    }

    /// <summary>Marks a message as accepted: its retries are duplicates from now on.</summary>
    public void MarkAccepted(string id)
    {
        lock (_lock)
        {
            WindowOf(id).MarkAccepted(id);
        }
    }

    private Window WindowOf(string id) => id.Contains(DigestMark, StringComparison.Ordinal) ? _digests : _ids;

    /// <summary>Messages of the last while.</summary>
    private sealed class Window(TimeSpan retention, TimeProvider time)
    {
        private readonly Dictionary<string, KnownMessage> _messages = new(StringComparer.Ordinal);
        private readonly Queue<(string Id, long At)> _order = new();

        public KnownMessage GetOrAdd(string id, DateTimeOffset receivedAt)
        {
            while (_order.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > retention) _messages.Remove(_order.Dequeue().Id);
            if (_messages.TryGetValue(id, out var known)) return known;
            _order.Enqueue((id, time.GetTimestamp()));
            if (_order.Count > Capacity) _messages.Remove(_order.Dequeue().Id);
            return _messages[id] = new KnownMessage(receivedAt, IsAccepted: false);
        }

        public void MarkAccepted(string id)
        {
            if (_messages.TryGetValue(id, out var known)) _messages[id] = known with { IsAccepted = true };
        }
    }
}

/// <summary>A message whose id was seen.</summary>
/// <param name="FirstReceivedAt">When its first delivery was received.</param>
/// <param name="IsAccepted">Whether the ledger holds its items.</param>
public readonly record struct KnownMessage(DateTimeOffset FirstReceivedAt, bool IsAccepted);
