using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>What to do with a content after an attempt.</summary>
public abstract record RecoverabilityDecision
{
    private RecoverabilityDecision()
    {
    }

    /// <summary>Nothing more to do.</summary>
    public sealed record Complete : RecoverabilityDecision
    {
        public static readonly Complete Instance = new();
    }

    /// <summary>Try again after a wait; the attempt is spent.</summary>
    public sealed record DelayedRetry(TimeSpan Delay) : RecoverabilityDecision;

    /// <summary>Park it, and dead-letter its message.</summary>
    /// <param name="Reason">Why, as the ledger keeps it.</param>
    /// <param name="Description">One sentence for the person who finds it.</param>
    public sealed record Park(ParkReason Reason, string Description) : RecoverabilityDecision;

    /// <summary>Try again after a wait; the cause was not this content, so the attempt is given back.</summary>
    public sealed record Defer(TimeSpan Delay) : RecoverabilityDecision;
}
