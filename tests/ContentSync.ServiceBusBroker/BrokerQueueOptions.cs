namespace ContentSync.ServiceBusBroker;

/// <summary>The configuration of one queue, as in a template or the emulator's file.</summary>
/// <param name="Name">Case-insensitive. Its dead-letter queue is <c>NAME/$DeadLetterQueue</c>.</param>
public sealed record BrokerQueueOptions(string Name)
{
    /// <summary>Every message has a SessionId, and a receiver locks a whole session.</summary>
    public bool RequiresSession { get; init; }

    /// <summary>A message whose MessageId was seen within <see cref="DuplicateWindow"/> is accepted and dropped.</summary>
    public bool DetectsDuplicates { get; init; }

    /// <summary>How long a MessageId is remembered.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a message or session stays locked unless its lock is renewed. Service Bus allows max 5 minutes.</summary>
    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Failed deliveries after which a message is dead-lettered as <c>MaxDeliveryCountExceeded</c>.</summary>
    public int MaxDeliveryCount { get; init; } = 10;

    /// <summary>Max time to live of a message; null means unlimited.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>An expired message is dead-lettered as <c>TTLExpiredException</c> instead of being dropped.</summary>
    public bool DeadLettersExpired { get; init; }

    /// <summary>
    /// Max bytes of one message, or of one transfer that carries several, including properties and framing.
    /// 256 KB is the limit of the Standard tier (Service Bus quotas).
    /// </summary>
    public int MaxMessageBytes { get; init; } = 256 * 1024;
}
