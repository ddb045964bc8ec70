namespace ContentSync.ServiceBusBroker;

/// <summary>A message in the broker. Accessed only on the broker's loop.</summary>
internal sealed class BrokerMessage
{
    /// <summary>The AMQP message as it was sent.</summary>
    public required byte[] Encoded { get; init; }

    public required long SequenceNumber { get; set; }

    public required string? MessageId { get; init; }

    public required string? SessionId { get; init; }

    public DateTimeOffset EnqueuedAt { get; set; }

    public DateTimeOffset ExpiresAt { get; set; } = DateTimeOffset.MaxValue;

    public TimeSpan? TimeToLive { get; init; }

    /// <summary>When a scheduled message will be enqueued.</summary>
    public DateTimeOffset? DueAt { get; set; }

    public Guid LockToken { get; set; }

    public DateTimeOffset LockedUntil { get; set; }

    /// <summary>The number of deliveries that were abandoned or never settled.</summary>
    public uint FailedDeliveries { get; set; }

    /// <summary>Application properties set when the message was abandoned, deferred or dead-lettered.</summary>
    public Dictionary<string, object?> Properties { get; init; } = new(StringComparer.Ordinal);

    public string? DeadLetterReason { get; init; }

    public BrokerMessageState State { get; set; }

    /// <summary>Set while the message is ready or locked.</summary>
    public SessionLane? Lane { get; set; }

    public HeldMessage AsHeld() => new(SequenceNumber, MessageId, SessionId, State, FailedDeliveries, DueAt, DeadLetterReason);
}
