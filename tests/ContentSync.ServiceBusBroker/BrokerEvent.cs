namespace ContentSync.ServiceBusBroker;

/// <summary>Where a message is, or how it ended.</summary>
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

/// <summary>Something that happened to a message.</summary>
/// <param name="At">By the broker's clock.</param>
/// <param name="Queue">The dead-letter queue has a name of its own.</param>
/// <param name="SequenceNumber">A scheduled message gets another one when it is enqueued.</param>
/// <param name="MessageId">As the sender set it.</param>
/// <param name="SessionId">As the sender set it.</param>
/// <param name="What">In words: <c>delivered</c>, <c>lock expired</c>, <c>completed</c> and so on.</param>
/// <param name="State">The message's state afterwards.</param>
/// <param name="FailedDeliveries">So far.</param>
public sealed record BrokerEvent(
    DateTimeOffset At,
    string Queue,
    long SequenceNumber,
    string? MessageId,
    string? SessionId,
    string What,
    BrokerMessageState State,
    uint FailedDeliveries);

/// <summary>A message as a queue holds it.</summary>
/// <param name="SequenceNumber">Of the message.</param>
/// <param name="MessageId">As the sender set it.</param>
/// <param name="SessionId">As the sender set it.</param>
/// <param name="State">Where it is.</param>
/// <param name="FailedDeliveries">So far.</param>
/// <param name="DueAt">When it is to be enqueued, if it is scheduled.</param>
/// <param name="DeadLetterReason">In a dead-letter queue.</param>
public sealed record HeldMessage(
    long SequenceNumber,
    string? MessageId,
    string? SessionId,
    BrokerMessageState State,
    uint FailedDeliveries,
    DateTimeOffset? DueAt,
    string? DeadLetterReason);

/// <summary>What a queue holds, and what happened in it so far.</summary>
/// <param name="Messages">By sequence number.</param>
/// <param name="LockedSessions">Sessions that a receiver holds.</param>
/// <param name="WaitingForSession">Receivers that wait for a session.</param>
/// <param name="History">Everything so far, oldest first.</param>
public sealed record QueueSnapshot(
    IReadOnlyList<HeldMessage> Messages, IReadOnlyList<string> LockedSessions, int WaitingForSession, IReadOnlyList<BrokerEvent> History)
{
    /// <summary>Messages in a state.</summary>
    public int Count(BrokerMessageState state) => Messages.Count(message => message.State == state);

    /// <summary>How often something happened.</summary>
    public int Count(string what) => History.Count(e => e.What == what);
}
