using Amqp;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// One queue or dead-letter queue. Where the Service Bus documentation is incomplete, this class assumes: a scheduled message enters the duplicate
/// history when it is scheduled, stays there when it is cancelled, and is dropped when a message with the same id is sent unscheduled; closing a
/// session receiver releases its messages without counting a failed delivery; an expired session lock counts as a failed delivery; the locks of
/// a closed receiver without a session stay until they expire.
/// </summary>
internal sealed class BrokerQueue(BrokerQueueOptions options, BrokerQueue? deadLetters, BrokerLoop loop, TimeProvider time)
{
    private readonly Dictionary<string, SessionLane> _lanes = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, BrokerMessage> _locked = [];
    private readonly Dictionary<long, BrokerMessage> _scheduled = [];
    private readonly Dictionary<long, BrokerMessage> _deferred = [];
    private readonly List<Consumer> _consumers = [];
    private readonly List<SessionRequest> _requests = [];
    private readonly DuplicateHistory _seen = new(options.DuplicateWindow);
    private readonly List<BrokerEvent> _history = [];
    private long _sequence;

    public BrokerQueueOptions Options => options;

    /// <summary>Maps AMQP messages to deliveries.</summary>
    public Deliveries Deliveries { get; } = new();

    private DateTimeOffset Now => time.GetUtcNow();

    public QueueSnapshot Snapshot() => new(
        [.. All().OrderBy(message => message.SequenceNumber).Select(message => message.AsHeld())],
        [.. _lanes.Values.Where(lane => lane.Holder is not null).Select(lane => lane.SessionId)],
        _requests.Count(request => !request.IsCompleted),
        [.. _history]);

    /// <exception cref="BrokerRefusal">The queue refuses the message.</exception>
    public void Check(Message message, int bytes)
    {
        if (bytes > options.MaxMessageBytes) throw Conditions.TooLarge(bytes, options.MaxMessageBytes);
        if (options.RequiresSession && string.IsNullOrEmpty(message.Properties?.GroupId))
            throw new BrokerRefusal(Conditions.NotAllowed, "The SessionId was not set on a message, and it cannot be sent to the entity.");
    }

    /// <summary>Enqueues or schedules a message that has passed <see cref="Check"/>.</summary>
    /// <returns>Its sequence number.</returns>
    public long Send(byte[] encoded, Message message)
    {
        var sent = Read(encoded, message);
        var due = message.MessageAnnotations?[new Symbol("x-opt-scheduled-enqueue-time")] is DateTime at
            ? new DateTimeOffset(at.ToUniversalTime())
            : default;
        if (IsDuplicate(sent, isScheduled: due > Now)) return sent.SequenceNumber;
        if (due > Now)
        {
            sent.DueAt = due;
            _scheduled[sent.SequenceNumber] = sent;
            Log(sent, "scheduled", BrokerMessageState.Scheduled);
        }
        else
        {
            Enqueue(sent, "enqueued");
        }

        return sent.SequenceNumber;
    }

    /// <exception cref="BrokerRefusal">No message with this sequence number is scheduled.</exception>
    public void Cancel(long sequenceNumber)
    {
        if (!_scheduled.Remove(sequenceNumber, out var message))
            throw new BrokerRefusal(Conditions.MessageNotFound, $"The scheduled message with SequenceNumber = {sequenceNumber} is not found.");
        Log(message, "cancelled", BrokerMessageState.Cancelled);
    }

    public Consumer Attach(ListenerLink link, bool deletesOnReceipt)
    {
        var consumer = WatchForClose(new Consumer(link, deletesOnReceipt, null));
        _consumers.Add(consumer);
        return consumer;
    }

    public void WaitForSession(SessionRequest request)
    {
        _requests.Add(request);
        AssignSessions();
    }

    public void GiveUp(SessionRequest request) => _requests.Remove(request);

    /// <summary>Delivers ready messages as long as the consumer has credit.</summary>
    public void Pump(Consumer consumer)
    {
        if (!consumer.IsClosed) Pump(consumer.Lane ?? LaneOf(null));
    }

    /// <summary>The wire form of a message, with the broker's annotations.</summary>
    /// <param name="message">A message of this queue.</param>
    /// <param name="withLock">The message is delivered under a lock.</param>
    public Message ToWire(BrokerMessage message, bool withLock)
    {
        var wire = AmqpText.Decode(message.Encoded);
        wire.Header ??= new Amqp.Framing.Header();
        wire.Header.DeliveryCount = message.FailedDeliveries;
        wire.MessageAnnotations ??= new Amqp.Framing.MessageAnnotations();
        var annotations = wire.MessageAnnotations;
        annotations[new Symbol("x-opt-sequence-number")] = message.SequenceNumber;
        annotations[new Symbol("x-opt-enqueued-time")] = message.EnqueuedAt.UtcDateTime;
        annotations[new Symbol("x-opt-message-state")] = message.State switch
        {
            BrokerMessageState.Deferred => 1,
            BrokerMessageState.Scheduled => 2,
            _ => 0,
        };
        if (withLock) annotations[new Symbol("x-opt-locked-until")] = message.LockedUntil.UtcDateTime;
        if (deadLetters is null) annotations[new Symbol("x-opt-deadletter-source")] = options.Name.Split('/')[0];
        if (message.Properties.Count > 0) wire.ApplicationProperties ??= new Amqp.Framing.ApplicationProperties();
        foreach (var (name, value) in message.Properties) wire.ApplicationProperties[name] = value;
        return wire;
    }

    /// <returns>False if the lock is lost; so for every settlement.</returns>
    public bool TryComplete(Guid lockToken)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        Log(message, "completed", BrokerMessageState.Completed);
        return true;
    }

    public bool TryAbandon(Guid lockToken, Map? properties)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        Modify(message, properties);
        Fail(message, "abandoned");
        return true;
    }

    /// <summary>A client returns a message that its user never received; not counted as a failed delivery.</summary>
    public bool TryRelease(Guid lockToken)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        Return(message, "released");
        Pump(message.Lane!);
        return true;
    }

    public bool TryDefer(Guid lockToken, Map? properties)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        Modify(message, properties);
        _deferred[message.SequenceNumber] = message;
        Log(message, "deferred", BrokerMessageState.Deferred);
        return true;
    }

    /// <param name="lockToken">Of the delivered message.</param>
    /// <param name="info">Reason, description and application properties, named as in the client's request.</param>
    public bool TryDeadLetter(Guid lockToken, Map? info)
    {
        if (!_locked.Remove(lockToken, out var message)) return false;
        Modify(message, info);
        DeadLetter(message, message.Properties.GetValueOrDefault(DeadLetterProperties.Reason) as string);
        return true;
    }

    /// <exception cref="BrokerRefusal">The lock is lost.</exception>
    public DateTimeOffset Renew(Guid lockToken)
    {
        if (options.RequiresSession || !_locked.TryGetValue(lockToken, out var message))
            throw new BrokerRefusal(Conditions.MessageLockLost, Conditions.LockInvalid);
        message.LockedUntil = Now + options.LockDuration;
        Log(message, "lock renewed", BrokerMessageState.Locked);
        return message.LockedUntil;
    }

    /// <exception cref="BrokerRefusal">The link does not hold the session.</exception>
    public DateTimeOffset RenewSession(string? sessionId, string? linkName)
    {
        var lane = LockedLane(sessionId, linkName);
        lane.LockedUntil = Now + options.LockDuration;
        foreach (var message in LockedIn(lane)) message.LockedUntil = lane.LockedUntil;
        return lane.LockedUntil;
    }

    public byte[]? GetSessionState(string? sessionId, string? linkName) => LockedLane(sessionId, linkName).State;

    public void SetSessionState(string? sessionId, string? linkName, byte[]? state) => LockedLane(sessionId, linkName).State = state;

    /// <summary>The error condition for a lost lock.</summary>
    public string LostCondition(BrokerMessage? message) =>
        options.RequiresSession && message?.Lane?.Holder is null ? Conditions.SessionLockLost : Conditions.MessageLockLost;

    /// <summary>Messages in any state, starting at a sequence number.</summary>
    public IReadOnlyList<BrokerMessage> Peek(long first, int count, string? sessionId) =>
        [.. (from message in All()
             where message.SequenceNumber >= first && (sessionId is null || message.SessionId == sessionId)
             orderby message.SequenceNumber
             select message).Take(count)];

    /// <exception cref="BrokerRefusal">No message with this sequence number is deferred.</exception>
    public BrokerMessage TakeDeferred(long sequenceNumber, bool deletesOnReceipt)
    {
        if (!_deferred.Remove(sequenceNumber, out var message))
            throw new BrokerRefusal(Conditions.MessageNotFound, $"Failed to lock one or more messages. The message {sequenceNumber} does not exist.");
        LockOrDelete(message, deletesOnReceipt);
        return message;
    }

    /// <summary>Enqueues messages that are due, releases expired locks and removes expired messages.</summary>
    public void Tick()
    {
        var now = Now;
        var due = from message in _scheduled.Values where message.DueAt <= now orderby message.DueAt, message.SequenceNumber select message;
        foreach (var message in due.ToList())
        {
            _scheduled.Remove(message.SequenceNumber);
            message.SequenceNumber = ++_sequence;
            message.DueAt = null;
            Enqueue(message, "activated");
        }

        ExpireLocks(now);
        foreach (var lane in _lanes.Values)
        {
            foreach (var message in lane.Ready.Values.Where(message => message.ExpiresAt < now).ToList()) Expire(message);
        }

        AssignSessions();
    }

    private Consumer WatchForClose(Consumer consumer)
    {
        consumer.Link.AddClosedCallback((_, _) => loop.Post(() => Detach(consumer)));
        return consumer;
    }

    private void Detach(Consumer consumer)
    {
        if (consumer.IsClosed) return;
        consumer.IsClosed = true;
        _consumers.Remove(consumer);
        if (consumer.Lane is not { } lane || lane.Holder != consumer) return;
        lane.Holder = null;
        foreach (var message in LockedIn(lane))
        {
            _locked.Remove(message.LockToken);
            Return(message, "released with its session");
        }

        AssignSessions();
    }

    /// <summary>Expires all locks immediately.</summary>
    public void LoseLocks() => ExpireLocks(DateTimeOffset.MaxValue);

    private BrokerMessage Read(byte[] encoded, Message message)
    {
        // A message without a time to live: the client writes uint.MaxValue or omits the field.
        TimeSpan? own = message.Header is { } header && header.HasField(2) && header.Ttl is > 0 and < uint.MaxValue
            ? TimeSpan.FromMilliseconds(header.Ttl)
            : null;
        return new BrokerMessage
        {
            Encoded = encoded,
            SequenceNumber = ++_sequence,
            MessageId = message.Properties?.GetMessageId()?.ToString(),
            SessionId = message.Properties?.GroupId,
            TimeToLive = options.TimeToLive is { } max && !(own < max) ? max : own,
        };
    }

    private bool IsDuplicate(BrokerMessage sent, bool isScheduled)
    {
        if (!options.DetectsDuplicates || sent.MessageId is not { } id) return false;

        // Documented: sending a message drops the scheduled message with the same id.
        var scheduled = isScheduled ? null : _scheduled.Values.FirstOrDefault(message => message.MessageId == id);
        if (scheduled is not null)
        {
            _scheduled.Remove(scheduled.SequenceNumber);
            Log(scheduled, "duplicate dropped", BrokerMessageState.Duplicate);
        }
        else if (_seen.Contains(id, Now))
        {
            Log(sent, "duplicate dropped", BrokerMessageState.Duplicate);
            return true;
        }

        _seen.Add(id, Now);
        return false;
    }

    private void Enqueue(BrokerMessage message, string what)
    {
        message.EnqueuedAt = Now;
        if (message.TimeToLive is { } lifetime) message.ExpiresAt = Now + lifetime;
        message.Lane = LaneOf(message.SessionId);
        Return(message, what);
        Pump(message.Lane);
    }

    private void Pump(SessionLane lane)
    {
        while (lane.Ready.Count > 0)
        {
            var message = lane.Ready.First().Value;
            if (message.ExpiresAt < Now)
            {
                Expire(message);
                continue;
            }

            if (options.RequiresSession && lane.Holder is null)
            {
                AssignSessions();
                return;
            }

            var consumer = options.RequiresSession ? lane.Holder : NextConsumer();
            if (consumer is not { CanTake: true } || !TryDeliver(message, consumer)) return;
        }
    }

    // Competing consumers take turns.
    private Consumer? NextConsumer()
    {
        if (_consumers.Find(consumer => consumer.CanTake) is not { } next) return null;
        _consumers.Remove(next);
        _consumers.Add(next);
        return next;
    }

    private bool TryDeliver(BrokerMessage message, Consumer consumer)
    {
        message.Lane!.Ready.Remove(message.SequenceNumber);
        LockOrDelete(message, consumer.DeletesOnReceipt);
        var wire = ToWire(message, !consumer.DeletesOnReceipt);
        Deliveries.Add(wire, message);
        try
        {
            consumer.Send(wire);
            return true;
        }
        catch (Exception e) when (e is AmqpException or ObjectDisposedException)
        {
            _locked.Remove(message.LockToken);
            Return(message, "not delivered");
            Detach(consumer);
            return false;
        }
    }

    private void LockOrDelete(BrokerMessage message, bool deletes)
    {
        message.LockToken = Guid.NewGuid();
        message.LockedUntil = options.RequiresSession ? message.Lane!.LockedUntil : Now + options.LockDuration;
        if (!deletes) _locked[message.LockToken] = message;
        Log(message, "delivered", deletes ? BrokerMessageState.Completed : BrokerMessageState.Locked);
    }

    private void AssignSessions()
    {
        foreach (var request in _requests.ToList())
        {
            if (request.IsCompleted || TryAssignSession(request)) _requests.Remove(request);
        }
    }

    /// <returns>True once a response was sent.</returns>
    private bool TryAssignSession(SessionRequest request)
    {
        var lane = request.SessionId is { } named
            ? LaneOf(named)
            : _lanes.Values.Where(lane => lane.Holder is null && lane.Ready.Count > 0).MinBy(lane => lane.Ready.First().Key);
        if (lane is null)
        {
            if (request.Until > Now) return false;
            request.TryRefuse(Conditions.Timeout, "The operation did not complete within the allotted time; no session was available.");
            return true;
        }

        if (lane.Holder is not null)
        {
            request.TryRefuse(
                Conditions.SessionCannotBeLocked, $"The session '{lane.SessionId}' cannot be accepted. It may be locked by another receiver.");
            return true;
        }

        var consumer = WatchForClose(new Consumer(request.Link, request.DeletesOnReceipt, lane));
        (lane.Holder, lane.LockedUntil) = (consumer, Now + options.LockDuration);
        if (!request.TryGrant(lane, () => new ReceiverEndpoint(this, consumer, loop))) lane.Holder = null;
        return true;
    }

    private void ExpireLocks(DateTimeOffset now)
    {
        if (!options.RequiresSession)
        {
            foreach (var message in _locked.Values.Where(message => message.LockedUntil < now).ToList()) ExpireLock(message, "lock expired");
            return;
        }

        foreach (var lane in _lanes.Values.Where(lane => lane.Holder is not null && lane.LockedUntil < now).ToList())
        {
            var holder = lane.Holder!;
            lane.Holder = null;
            holder.IsClosed = true;
            foreach (var message in LockedIn(lane)) ExpireLock(message, "session lock expired");
            holder.Close(Conditions.SessionLockLost, $"The session lock has expired on session '{lane.SessionId}'. Accept a new session.");
        }

        AssignSessions();
    }

    private void ExpireLock(BrokerMessage message, string what)
    {
        _locked.Remove(message.LockToken);
        Fail(message, what);
    }

    private void Fail(BrokerMessage message, string what)
    {
        message.FailedDeliveries++;
        if (message.FailedDeliveries < options.MaxDeliveryCount || deadLetters is null)
        {
            Return(message, what);
            Pump(message.Lane!);
            return;
        }

        Log(message, what, BrokerMessageState.Locked);
        message.Properties[DeadLetterProperties.Reason] = "MaxDeliveryCountExceeded";
        message.Properties[DeadLetterProperties.Description] = $"Message could not be consumed after {options.MaxDeliveryCount} delivery attempts.";
        DeadLetter(message, "MaxDeliveryCountExceeded");
    }

    private void Expire(BrokerMessage message)
    {
        message.Lane!.Ready.Remove(message.SequenceNumber);
        if (!options.DeadLettersExpired)
        {
            Log(message, "expired", BrokerMessageState.Expired);
            return;
        }

        message.Properties[DeadLetterProperties.Reason] = "TTLExpiredException";
        message.Properties[DeadLetterProperties.Description] = "The message expired and was dead lettered.";
        DeadLetter(message, "TTLExpiredException");
    }

    // In Service Bus, dead-lettering a message of a dead-letter queue leaves it in that queue.
    private void DeadLetter(BrokerMessage message, string? reason)
    {
        Log(message, "dead-lettered", BrokerMessageState.DeadLettered);
        var target = deadLetters ?? this;
        target.Enqueue(
            new BrokerMessage
            {
                Encoded = message.Encoded,
                SequenceNumber = message.SequenceNumber,
                MessageId = message.MessageId,
                SessionId = message.SessionId,
                FailedDeliveries = message.FailedDeliveries,
                Properties = message.Properties,
                DeadLetterReason = reason,
            },
            "arrived");
    }

    private void Return(BrokerMessage message, string what)
    {
        message.Lane!.Ready[message.SequenceNumber] = message;
        Log(message, what, BrokerMessageState.Ready);
    }

    private SessionLane LaneOf(string? sessionId)
    {
        var id = options.RequiresSession ? sessionId ?? "" : "";
        if (!_lanes.TryGetValue(id, out var lane)) _lanes[id] = lane = new SessionLane(id);
        return lane;
    }

    private SessionLane LockedLane(string? sessionId, string? linkName) =>
        options.RequiresSession && sessionId is not null && _lanes.TryGetValue(sessionId, out var lane)
        && lane.Holder is { } holder && (linkName is null || linkName == holder.Link.Name)
            ? lane
            : throw new BrokerRefusal(Conditions.SessionLockLost, $"The lock on session '{sessionId}' is lost.");

    private List<BrokerMessage> LockedIn(SessionLane lane) =>
        [.. _locked.Values.Where(message => message.Lane == lane).OrderBy(message => message.SequenceNumber)];

    private IEnumerable<BrokerMessage> All() =>
        _lanes.Values.SelectMany(lane => lane.Ready.Values).Concat(_locked.Values).Concat(_scheduled.Values).Concat(_deferred.Values);

    private static void Modify(BrokerMessage message, Map? properties)
    {
        if (properties is null) return;
        foreach (var name in properties.Keys) message.Properties[name.ToString()!] = properties[name];
    }

    private void Log(BrokerMessage message, string what, BrokerMessageState state)
    {
        message.State = state;
        _history.Add(new BrokerEvent(
            Now, options.Name, message.SequenceNumber, message.MessageId, message.SessionId, what, state, message.FailedDeliveries));
    }
}
