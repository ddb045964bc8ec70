namespace ContentSync.ServiceBusBroker;

/// <summary>Application properties that say why a message is in a dead-letter queue.</summary>
internal static class DeadLetterProperties
{
    public const string Reason = "DeadLetterReason";
    public const string Description = "DeadLetterErrorDescription";
}
