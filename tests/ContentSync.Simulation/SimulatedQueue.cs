using Azure.Messaging.ServiceBus;
using ContentSync.Resync;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>
/// A queue of Service Bus with peek-lock, redelivery, delivery count, duplicate detection, scheduling and a dead-letter queue. Its messages are
/// those of Microsoft's client.
/// </summary>
internal abstract class SimulatedQueue(World world, string name)
{
    /// <summary>Reason of the broker for a message that was delivered too often.</summary>
    protected const string MaxDeliveries = "MaxDeliveryCountExceeded";

    private readonly Dictionary<long, BrokerMessage> _locked = [];
    private readonly Dictionary<string, TimeSpan> _history = new(StringComparer.Ordinal);
    private long _locks;

    /// <summary>Whether only the holder of a session gets its messages, one at a time.</summary>
    public abstract bool HasSessions { get; }

    protected World World => world;

    /// <param name="content">The message.</param>
    /// <param name="session">The session that its transfer names; null in a queue without sessions.</param>
    /// <param name="received">The items of a caller's message, which reach the app for the first time.</param>
    public void Put(ServiceBusMessage content, string? session = null, IReadOnlyList<SubmittedItem>? received = null)
    {
        var message = new BrokerMessage(content, session, received ?? []);
        Arriving(message);
        if (IsRepeated(message.Id))
        {
            world.Trace.Write(name, $"drops {message.Id} as a duplicate");
            return;
        }

        if (message.IsReference && world.Inject(Fault.Drop))
        {
            world.Trace.Write(name, $"loses {message.Id}");
            return;
        }

        // The sender gives the time by its own clock.
        var delay = content.ScheduledEnqueueTime > world.Time.Now ? content.ScheduledEnqueueTime - world.Time.Now : TimeSpan.Zero;
        if (world.Inject(Fault.Delay)) delay += world.Random.Between(TimeSpan.Zero, TimeSpan.FromMinutes(20));
        var copies = world.Inject(Fault.Duplicate) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            var stored = new BrokerMessage(content, session, message.Received);
            Stored(stored);
            world.Time.After(delay, () =>
            {
                stored.EnqueuedAt = world.Time.Now;
                MakeReady(stored);
            });
        }
    }

    /// <summary>Removes a locked message from the queue. False when the lock was lost.</summary>
    public bool Settle(long lockToken, string how)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        world.Trace.Write(name, $"{message.Id} {how}");
        Removed(message);
        return true;
    }

    public bool DeadLetter(long lockToken, string reason, string description)
    {
        if (!_locked.TryGetValue(lockToken, out var message)) return false;
        Settle(lockToken, $"is dead-lettered: {reason}");
        DeadLettered(message, reason, description);
        return true;
    }

    public bool Unlock(long lockToken, string why)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        world.Trace.Write(name, $"{message.Id} {why}");
        if (message.Deliveries < world.Plan.MaxDeliveries)
        {
            Return(message);
            return true;
        }

        Removed(message);
        DeadLettered(message, MaxDeliveries, why);
        return true;
    }

    /// <summary>Schedules the delivery of ready messages.</summary>
    public abstract void Pump();

    /// <summary>A message arrived, which may be a duplicate.</summary>
    protected abstract void Arriving(BrokerMessage message);

    /// <summary>The queue holds the message from now on.</summary>
    protected abstract void Stored(BrokerMessage message);

    protected abstract void MakeReady(BrokerMessage message);

    /// <summary>A message was not settled and must be delivered again.</summary>
    protected abstract void Return(BrokerMessage message);

    /// <summary>The queue no longer holds the message.</summary>
    protected abstract void Removed(BrokerMessage message);

    protected abstract void DeadLettered(BrokerMessage message, string reason, string description);

    protected void Deliver(BrokerMessage message, SimulatedProcess process)
    {
        var token = ++_locks;
        message.Deliveries++;
        _locked.Add(token, message);
        world.Trace.Write(name, $"delivers {message.Id} to {process.Name}");
        world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        if (world.Inject(Fault.LockLoss))
            world.Time.After(world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(30)), () => Unlock(token, "loses its lock"));
        process.Receive(this, message.Deliver(), token);
    }

    /// <summary>The next process to which a message may be delivered; null if there is none.</summary>
    protected SimulatedProcess? NextProcess()
    {
        var first = world.Machines.Count == 1 ? 0 : world.Random.Next(world.Machines.Count);
        for (var i = 0; i < world.Machines.Count; i++)
        {
            var process = world.Machines[(first + i) % world.Machines.Count].Process;
            if (HasSessions ? process is { IsAccepting: true } : process is { HasCapacity: true }) return process;
        }

        return null;
    }

    // The host renews the lock of a message that its process is handling.
    private void Expire(long token, SimulatedProcess process)
    {
        if (!_locked.ContainsKey(token)) return;
        if (process.IsHandling(this, token)) world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        else Unlock(token, "is unlocked because its lock expired");
    }

    private bool IsRepeated(string messageId)
    {
        if (world.Plan.DuplicateWindow == TimeSpan.Zero) return false;
        var now = world.Time.Elapsed;
        if (_history.TryGetValue(messageId, out var until) && until > now) return true;
        _history[messageId] = now + world.Plan.DuplicateWindow;
        return false;
    }
}

/// <summary>A message that a queue holds.</summary>
internal sealed class BrokerMessage(ServiceBusMessage content, string? session, IReadOnlyList<SubmittedItem> received)
{
    public string Id => content.MessageId;

    public string? Session => session;

    /// <summary>It refers to an item that the ledger holds.</summary>
    public bool IsReference { get; } = IsOf(content, MessageContract.ReferenceSchema);

    /// <summary>It refers to the items of a pack.</summary>
    public bool IsPack { get; } = IsOf(content, ResyncMessages.PackSchema);

    /// <summary>The items of a caller's message.</summary>
    public IReadOnlyList<SubmittedItem> Received => received;

    public int Deliveries { get; set; }

    public DateTimeOffset EnqueuedAt { get; set; }

    /// <summary>The message as the app sent it.</summary>
    public OutgoingMessage Sent() => new(
        Id,
        content.Body.ToMemory(),
        content.ContentType,
        new Dictionary<string, object>(content.ApplicationProperties),
        TimeSpan.Zero)
    { SessionId = session };

    /// <summary>The message as a receiver gets it.</summary>
    public ServiceBusReceivedMessage Deliver() => ServiceBusModelFactory.ServiceBusReceivedMessage(
        body: content.Body,
        messageId: content.MessageId,
        sessionId: session,
        contentType: content.ContentType,
        properties: content.ApplicationProperties,
        deliveryCount: Deliveries,
        enqueuedTime: EnqueuedAt);

    private static bool IsOf(ServiceBusMessage message, string schema) =>
        message.ApplicationProperties.TryGetValue(MessageContract.SchemaProperty, out var value) && value is string text && text == schema;
}
