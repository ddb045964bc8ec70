namespace ContentSync.Synchronization.Messages;

/// <summary>What is to be done with a message that was worked on.</summary>
public abstract record MessageSettlement
{
    private MessageSettlement()
    {
    }

    /// <summary>Nothing more to do.</summary>
    public sealed record Complete : MessageSettlement
    {
        public static readonly Complete Instance = new();
    }

    /// <summary>Send these, and complete the message once they are sent: in this order, so that a crash between the two repeats work rather than loses it.</summary>
    public sealed record SendThenComplete(IReadOnlyList<OutgoingMessage> Messages) : MessageSettlement;

    /// <summary>Set aside for a person.</summary>
    /// <param name="Reason">One of <see cref="DeadLetterReasons"/>, or the name of a <see cref="Ledger.ParkReason"/>.</param>
    /// <param name="Description">What is wrong and what would be right, at most <see cref="MessageContract.MaxDescriptionLength"/> characters.</param>
    /// <param name="Properties">To be added to the message's application properties.</param>
    public sealed record DeadLetter(string Reason, string Description, IReadOnlyDictionary<string, object> Properties) : MessageSettlement;
}
