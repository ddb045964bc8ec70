using System.Text;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>A queue with peek-lock, redelivery, delivery count, duplicate detection, scheduling and a dead-letter queue.</summary>
internal sealed class SimulatedBroker(World world)
{
    private readonly List<Message> _ready = [];
    private readonly Dictionary<long, Message> _locked = [];
    private readonly Dictionary<string, TimeSpan> _history = new(StringComparer.Ordinal);
    private int _nextMachine;
    private long _locks;
    private bool _isPumpDue;

    /// <summary>Unsettled messages with items. References do not count, because the ledger holds their items.</summary>
    public int ContentMessages { get; private set; }

    public long Deliveries { get; private set; }

    public long DeadLetters { get; private set; }

    /// <summary>A caller enqueues items.</summary>
    public void Produce(Submitted submitted)
    {
        var items = submitted.Items;
        foreach (var item in items) world.Invariants.Produced(item);
        var text = items.Count == 1 ? items[0].ToMessage() : $"[{string.Join(',', items.Select(item => item.ToMessage()))}]";
        var body = Encoding.UTF8.GetBytes(text);
        var message = new OutgoingMessage(submitted.MessageId, body, "application/json", new Dictionary<string, object>(), TimeSpan.Zero);
        Put(message, isReference: false, items);
        if (world.Inject(Fault.Duplicate)) Put(message with { MessageId = submitted.MessageId + "-again" }, isReference: false, items);
    }

    /// <param name="message">The message.</param>
    /// <param name="isReference">It refers to an item that the ledger holds.</param>
    /// <param name="received">The items of a caller's message, which reach the app for the first time.</param>
    public void Put(OutgoingMessage message, bool isReference, IReadOnlyList<SubmittedItem>? received = null)
    {
        if (IsRepeated(message.MessageId))
        {
            world.Trace.Write("broker", $"drops {message.MessageId} as a duplicate");
            return;
        }

        if (isReference && world.Inject(Fault.Drop))
        {
            world.Trace.Write("broker", $"loses {message.MessageId}");
            return;
        }

        var delay = message.Delay;
        if (world.Inject(Fault.Delay)) delay += world.Random.Between(TimeSpan.Zero, TimeSpan.FromMinutes(20));
        var copies = world.Inject(Fault.Duplicate) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            if (!isReference) ContentMessages++;
            var stored = new Message(message, isReference, received ?? []);
            world.Time.After(delay, () => MakeReady(stored));
        }
    }

    /// <summary>Schedules the delivery of ready messages.</summary>
    public void Pump()
    {
        if (_isPumpDue) return;
        _isPumpDue = true;
        world.Time.After(TimeSpan.FromMilliseconds(1), Deliver);
    }

    /// <summary>Removes a locked message from the queue. False when the lock was lost.</summary>
    public bool Settle(long lockToken, string how)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        world.Trace.Write("broker", $"{message.Content.MessageId} {how}");
        if (!message.IsReference) ContentMessages--;
        return true;
    }

    public bool DeadLetter(long lockToken, string reason, string description)
    {
        if (!_locked.TryGetValue(lockToken, out var message)) return false;
        Settle(lockToken, $"is dead-lettered: {reason}");
        DeadLetters++;
        world.Invariants.DeadLettered(message.Content, reason, description);
        return true;
    }

    public bool Unlock(long lockToken, string why)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        world.Trace.Write("broker", $"{message.Content.MessageId} {why}");
        if (message.Deliveries < world.Plan.MaxDeliveries)
        {
            _ready.Insert(0, message);
            Pump();
            return true;
        }

        if (!message.IsReference) ContentMessages--;
        DeadLetters++;
        world.Invariants.DeadLettered(message.Content, "MaxDeliveryCountExceeded", why);
        return true;
    }

    private bool IsRepeated(string messageId)
    {
        if (world.Plan.DuplicateWindow == TimeSpan.Zero) return false;
        var now = world.Time.Elapsed;
        if (_history.TryGetValue(messageId, out var until) && until > now) return true;
        _history[messageId] = now + world.Plan.DuplicateWindow;
        return false;
    }

    private void MakeReady(Message message)
    {
        message.EnqueuedAt = world.Time.Now;
        for (var i = 0; i < message.Received.Count; i++)
            world.Invariants.Versions.Enqueued(message.Received[i].ContentId, message.EnqueuedAt.AddTicks(i));
        _ready.Add(message);
        Pump();
    }

    private void Deliver()
    {
        _isPumpDue = false;
        if (world.IsDown(Fault.BrokerOutage)) return;
        while (_ready.Count > 0 && NextProcess() is { } process)
        {
            var index = _ready.Count > 1 && world.Inject(Fault.Reorder) ? world.Random.Next(_ready.Count) : 0;
            var message = _ready[index];
            _ready.RemoveAt(index);
            Deliver(message, process);
        }
    }

    private void Deliver(Message message, SimulatedProcess process)
    {
        var token = ++_locks;
        Deliveries++;
        message.Deliveries++;
        _locked.Add(token, message);
        world.Trace.Write("broker", $"delivers {message.Content.MessageId} to {process.Name}");
        world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        if (world.Inject(Fault.LockLoss))
            world.Time.After(world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(30)), () => Unlock(token, "loses its lock"));
        var content = message.Content;
        process.Receive(new QueueMessage(content.MessageId, content.Body, content.ContentType, content.Properties, message.EnqueuedAt), token);
    }

    // A process renews the lock of a message that it is handling.
    private void Expire(long token, SimulatedProcess process)
    {
        if (!_locked.ContainsKey(token)) return;
        if (process.IsHandling(token)) world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        else Unlock(token, "is unlocked because its lock expired");
    }

    private SimulatedProcess? NextProcess()
    {
        for (var i = 0; i < world.Machines.Count; i++)
        {
            var process = world.Machines[_nextMachine++ % world.Machines.Count].Process;
            if (process is { HasCapacity: true }) return process;
        }

        return null;
    }

    private sealed class Message(OutgoingMessage content, bool isReference, IReadOnlyList<SubmittedItem> received)
    {
        public OutgoingMessage Content { get; } = content;

        public bool IsReference { get; } = isReference;

        public IReadOnlyList<SubmittedItem> Received { get; } = received;

        public int Deliveries { get; set; }

        public DateTimeOffset EnqueuedAt { get; set; }
    }
}

/// <summary>The broker, as seen by a process.</summary>
internal sealed class BrokerQueue(SimulatedProcess process, World world) : ISyncQueue
{
    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) =>
        SendAsync([.. messages.Select(OutgoingMessage.Reference)], cancellationToken);

    public async ValueTask SendAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken) =>
        await process.CallAsync(
            "enqueue",
            () =>
            {
                foreach (var message in messages)
                {
                    world.Trace.Write(process.Name, $"enqueues {message.MessageId} in {message.Delay}");
                    world.Broker.Put(message, IsReference(message));
                }

                return true;
            },
            NextCall(world),
            cancellationToken).ConfigureAwait(false);

    public ValueTask CompleteAsync(long lockToken, CancellationToken cancellationToken) =>
        SettleAsync("complete", () => world.Broker.Settle(lockToken, "is complete"), cancellationToken);

    public ValueTask DeadLetterAsync(long lockToken, string reason, string description, CancellationToken cancellationToken) =>
        SettleAsync("dead-letter", () => world.Broker.DeadLetter(lockToken, reason, description), cancellationToken);

    public ValueTask AbandonAsync(long lockToken) =>
        SettleAsync("abandon", () => world.Broker.Unlock(lockToken, "is abandoned"), CancellationToken.None);

    private async ValueTask SettleAsync(string what, Func<bool> effect, CancellationToken cancellationToken)
    {
        // Losing the lock is not a fault of this process: another consumer has the message.
        await process.CallAsync(what, effect, NextCall(world), cancellationToken).ConfigureAwait(false);
    }

    public static CallBehavior NextCall(World world)
    {
        if (world.InjectOutage(Fault.BrokerOutage)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), IsLost: true, Unavailable);
        if (world.Inject(Fault.SettlementLost))
            return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), world.Random.Chance(0.5), Unavailable);
        return new CallBehavior(world.ShortDelay(), world.ShortDelay());
    }

    private static QueueUnavailableException Unavailable() => new("The broker does not respond.");

    private static bool IsReference(OutgoingMessage message) =>
        message.Properties.TryGetValue(MessageContract.SchemaProperty, out var schema) && schema is MessageContract.ReferenceSchema;
}
