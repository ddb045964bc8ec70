namespace ContentSync.Synchronization.Messages;

/// <summary>How to settle a message after it was processed.</summary>
public abstract record MessageSettlement
{
    private MessageSettlement()
    {
    }

    /// <summary>Complete the message.</summary>
    public sealed record Complete : MessageSettlement
    {
        public static readonly Complete Instance = new();
    }

    /// <summary>
    /// Send these messages, then complete the processed one. In this order, a crash between the two steps repeats work instead of
    /// losing it.
    /// </summary>
    public sealed record SendThenComplete(IReadOnlyList<OutgoingMessage> Messages) : MessageSettlement;

    /// <summary>Dead-letter the message, so that a person can examine it.</summary>
    /// <param name="Reason">One of <see cref="DeadLetterReasons"/>, or the name of a <see cref="Ledger.ParkReason"/>.</param>
    /// <param name="Description">
    /// What is wrong and how to correct it; at most <see cref="MessageContract.MaxDescriptionLength"/> characters.
    /// </param>
    /// <param name="Properties">Application properties to add to the message.</param>
    public sealed record DeadLetter(string Reason, string Description, IReadOnlyDictionary<string, object> Properties) : MessageSettlement
    {
        /// <summary>
        /// The properties to add to a message, with the time at which its original was received: a resubmitted message stays as old as it is,
        /// whatever time the broker gives a message when it moves it.
        /// </summary>
        public Dictionary<string, object> PropertiesFor(QueueMessage message) => new(Properties)
        {
            [MessageContract.ReceivedAtProperty] = OutgoingMessage.Text(message.ReceivedAt()),
        };
    }
}
