using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>What to do with an item after an attempt.</summary>
public abstract record RecoverabilityDecision
{
    private RecoverabilityDecision()
    {
    }

    /// <summary>The item is synchronized; nothing is left to do.</summary>
    public sealed record Complete : RecoverabilityDecision
    {
        public static readonly Complete Instance = new();
    }

    /// <summary>Make another attempt after the delay; this one is spent.</summary>
    public sealed record DelayedRetry(TimeSpan Delay) : RecoverabilityDecision;

    /// <summary>Park the item and dead-letter its message.</summary>
    /// <param name="Reason">The reason that the ledger records.</param>
    /// <param name="Description">Explains the reason to a person.</param>
    public sealed record Park(ParkReason Reason, string Description) : RecoverabilityDecision;

    /// <summary>Make another attempt after the delay; this one is not counted, because the cause is not the item.</summary>
    public sealed record Defer(TimeSpan Delay) : RecoverabilityDecision;
}
