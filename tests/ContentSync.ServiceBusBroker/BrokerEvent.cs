namespace ContentSync.ServiceBusBroker;

/// <summary>The current or final state of a message.</summary>
public enum BrokerMessageState
{
    Ready,
    Locked,
    Scheduled,
    Deferred,
    Completed,
    DeadLettered,
    Duplicate,
    Cancelled,
    Expired,
}

/// <summary>An event in the life of a message.</summary>
/// <param name="At">By the broker's clock.</param>
/// <param name="Queue">The queue's name; the dead-letter queue has its own.</param>
/// <param name="SequenceNumber">A scheduled message gets a new one when it is enqueued.</param>
/// <param name="MessageId">As the sender set it.</param>
/// <param name="SessionId">As the sender set it.</param>
/// <param name="What">The kind of event: <c>delivered</c>, <c>lock expired</c>, <c>completed</c> and so on.</param>
/// <param name="State">The message's state afterwards.</param>
/// <param name="FailedDeliveries">The number so far.</param>
public sealed record BrokerEvent(
    DateTimeOffset At,
    string Queue,
    long SequenceNumber,
    string? MessageId,
    string? SessionId,
    string What,
    BrokerMessageState State,
    uint FailedDeliveries);

/// <summary>A message in a queue.</summary>
/// <param name="SequenceNumber">As the broker assigned it.</param>
/// <param name="MessageId">As the sender set it.</param>
/// <param name="SessionId">As the sender set it.</param>
/// <param name="State">The current state.</param>
/// <param name="FailedDeliveries">The number so far.</param>
/// <param name="DueAt">When a scheduled message will be enqueued.</param>
/// <param name="DeadLetterReason">Set only in a dead-letter queue.</param>
public sealed record HeldMessage(
    long SequenceNumber,
    string? MessageId,
    string? SessionId,
    BrokerMessageState State,
    uint FailedDeliveries,
    DateTimeOffset? DueAt,
    string? DeadLetterReason);

/// <summary>The messages, locked sessions and history of a queue.</summary>
/// <param name="Messages">Ordered by sequence number.</param>
/// <param name="LockedSessions">Sessions locked by a receiver.</param>
/// <param name="WaitingForSession">Number of receivers waiting for a session.</param>
/// <param name="History">All events so far, oldest first.</param>
public sealed record QueueSnapshot(
    IReadOnlyList<HeldMessage> Messages, IReadOnlyList<string> LockedSessions, int WaitingForSession, IReadOnlyList<BrokerEvent> History)
{
    /// <summary>The number of messages in a state.</summary>
    public int Count(BrokerMessageState state) => Messages.Count(message => message.State == state);

    /// <summary>The number of events of a kind.</summary>
    public int Count(string what) => History.Count(e => e.What == what);
}
