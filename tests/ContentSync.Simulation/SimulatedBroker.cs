using System.Globalization;
using System.Text;
using Azure.Messaging.ServiceBus;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>The content queue.</summary>
internal sealed class SimulatedBroker(World world) : SimulatedQueue(world, "broker")
{
    /// <summary>Share of the arrays that are almost as large as a message may be.</summary>
    private const double LargeShare = 0.15;

    private const int LargeBytes = 250_000;

    /// <summary>Share of the arrays that have invalid items besides the others.</summary>
    private const double InvalidShare = 0.4;

    /// <summary>Share of them that have so many that the messages that are split off do not fit into one transfer.</summary>
    private const double CrowdedShare = 0.06;

    private const int Crowd = 150;

    private const string InvalidPrefix = "invalid-";

    private readonly HashSet<string> _deadLettered = new(StringComparer.Ordinal);
    private int _invalidItems;
    private readonly List<BrokerMessage> _ready = [];
    private bool _isPumpDue;

    /// <inheritdoc/>
    public override bool HasSessions => false;

    /// <summary>Unsettled messages with items. References do not count, because the ledger holds their items.</summary>
    public int ContentMessages { get; private set; }

    public long DeadLetters { get; private set; }

    /// <summary>A caller enqueues items.</summary>
    public void Produce(Submitted submitted)
    {
        var items = submitted.Items;
        foreach (var item in items) World.Invariants.Produced(item);
        var text = items.Count == 1 ? items[0].ToMessage() : ArrayOf(items);
        var body = Encoding.UTF8.GetBytes(text);
        Put(Message(submitted.MessageId, body), received: items);
        if (World.Inject(Fault.Duplicate)) Put(Message(submitted.MessageId + "-again", body), received: items);
    }

    /// <summary>Checks that each invalid item of an array was dead-lettered, in a message of its own.</summary>
    public void CheckEnd()
    {
        if (ContentMessages > 0) return;
        for (var i = 0; i < _invalidItems; i++)
        {
            if (!_deadLettered.Contains(InvalidId(i))) World.Invariants.Report(Invariant.NoItemLost, $"the invalid item {InvalidId(i)} is lost");
        }
    }

    /// <inheritdoc/>
    public override void Pump()
    {
        if (_isPumpDue) return;
        _isPumpDue = true;
        World.Time.After(TimeSpan.FromMilliseconds(1), Deliver);
    }

    /// <inheritdoc/>
    protected override void Arriving(BrokerMessage message)
    {
    }

    /// <inheritdoc/>
    protected override void Stored(BrokerMessage message)
    {
        if (!message.IsReference) ContentMessages++;
    }

    /// <inheritdoc/>
    protected override void MakeReady(BrokerMessage message)
    {
        for (var i = 0; i < message.Received.Count; i++)
            World.Invariants.Versions.Enqueued(message.Received[i].ContentId, message.EnqueuedAt.AddTicks(i));
        _ready.Add(message);
        Pump();
    }

    /// <inheritdoc/>
    protected override void Return(BrokerMessage message)
    {
        _ready.Insert(0, message);
        Pump();
    }

    /// <inheritdoc/>
    protected override void Removed(BrokerMessage message)
    {
        if (!message.IsReference) ContentMessages--;
    }

    /// <inheritdoc/>
    protected override void DeadLettered(BrokerMessage message, string reason, string description)
    {
        var sent = message.Sent();
        if (reason == DeadLetterReasons.InvalidMessage && FindInvalid(Encoding.UTF8.GetString(sent.Body.Span)) is { Count: > 0 } found)
        {
            if (found.Count > 1) World.Invariants.Report(Invariant.NoItemLost, $"{message.Id} is dead-lettered with {found.Count} items");
            _deadLettered.UnionWith(found);
            return;
        }

        DeadLetters++;
        World.Invariants.DeadLettered(sent, reason, description);
    }

    private static ServiceBusMessage Message(string id, byte[] body) => new(body) { MessageId = id, ContentType = "application/json" };

    // Invalid items come last, so that the others keep their numbers in the array. White space makes an array large, as in an indented file.
    private string ArrayOf(IReadOnlyList<SubmittedItem> items)
    {
        var hasInvalid = World.Random.Chance(InvalidShare);
        var isCrowded = hasInvalid && World.Random.Chance(CrowdedShare);
        var isLarge = isCrowded || World.Random.Chance(LargeShare);
        var texts = items.Select(item => item.ToMessage()).ToList();
        for (var i = isCrowded ? Crowd : hasInvalid ? 2 + World.Random.Next(3) : 0; i > 0; i--)
            texts.Add($$"""{"contentId":"{{InvalidId(_invalidItems++)}}","contentType":"SKU","contentStatus":7,"contentInfo":{ } }""");
        var padding = isLarge ? new string(' ', (LargeBytes / texts.Count) - texts.Max(text => text.Length)) : "";
        return $"[{string.Join(',', texts.Select(text => text.Insert(1, padding)))}]";
    }

    private static string InvalidId(int number) => string.Create(CultureInfo.InvariantCulture, $"{InvalidPrefix}{number}");

    private static List<string> FindInvalid(string body)
    {
        var found = new List<string>();
        var at = body.IndexOf(InvalidPrefix, StringComparison.Ordinal);
        while (at >= 0)
        {
            var end = body.IndexOf('"', at);
            found.Add(body[at..end]);
            at = body.IndexOf(InvalidPrefix, end, StringComparison.Ordinal);
        }

        return found;
    }

    private void Deliver()
    {
        _isPumpDue = false;
        if (World.IsDown(Fault.BrokerOutage)) return;
        while (_ready.Count > 0 && NextProcess() is { } process)
        {
            var index = _ready.Count > 1 && World.Inject(Fault.Reorder) ? World.Random.Next(_ready.Count) : 0;
            var message = _ready[index];
            _ready.RemoveAt(index);
            Deliver(message, process);
        }
    }
}
