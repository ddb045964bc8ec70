namespace ContentSync.ServiceBusBroker;

/// <summary>One queue of the namespace, as a template or the emulator's file describes it.</summary>
/// <param name="Name">Compared without regard to case. Its dead-letter queue is <c>NAME/$DeadLetterQueue</c>.</param>
public sealed record BrokerQueueOptions(string Name)
{
    /// <summary>Every message names a session, and a receiver locks a session as a whole.</summary>
    public bool RequiresSession { get; init; }

    /// <summary>A message whose MessageId was seen within <see cref="DuplicateWindow"/> is accepted and dropped.</summary>
    public bool DetectsDuplicates { get; init; }

    /// <summary>How long a MessageId is remembered.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a message or a session stays locked unless it is renewed. Service Bus allows up to 5 minutes.</summary>
    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Failed deliveries after which a message is dead-lettered as <c>MaxDeliveryCountExceeded</c>.</summary>
    public int MaxDeliveryCount { get; init; } = 10;

    /// <summary>The longest that a message lives; null for ever.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>An expired message is dead-lettered as <c>TTLExpiredException</c> rather than dropped.</summary>
    public bool DeadLettersExpired { get; init; }

    /// <summary>
    /// Most bytes of one message, and of one transfer that carries several, properties and framing included.
    /// 256 KB is the limit of the Standard tier (Service Bus quotas).
    /// </summary>
    public int MaxMessageBytes { get; init; } = 256 * 1024;
}
