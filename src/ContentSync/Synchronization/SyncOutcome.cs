using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>Kind of a <see cref="SyncOutcome"/>.</summary>
public enum SyncOutcomeKind
{
    /// <summary>AlipayHK acknowledged the newest version during this call.</summary>
    Synchronized,

    /// <summary>AlipayHK had already acknowledged the newest version; nothing was sent.</summary>
    Unchanged,

    /// <summary>Parked, because AlipayHK rejected it permanently.</summary>
    Rejected,

    /// <summary>Parked for another reason.</summary>
    Parked,

    /// <summary>Still pending; call again after <see cref="SyncOutcome.Delay"/>.</summary>
    Pending,

    /// <summary>The ledger does not hold the item.</summary>
    NotFound,
}

/// <summary>Why an item is still pending.</summary>
public enum PendingCause
{
    /// <summary>The attempt failed and is spent; the next one follows after a back-off.</summary>
    Retry,

    /// <summary>The circuit breaker is open or the signer is unavailable; no attempt was spent.</summary>
    Deferred,

    /// <summary>Another attempt for the item is in flight, or its late-effect window has not ended.</summary>
    Busy,

    /// <summary>The item's back-off or deferral has not ended.</summary>
    NotDue,

    /// <summary>The ledger could not be reached.</summary>
    LedgerUnavailable,

    /// <summary>
    /// An operator paused sending. No attempt was spent; the sweep enqueues the item after sending was resumed. The record is null if all
    /// sending is paused.
    /// </summary>
    Paused,
}

/// <summary>The outcome of one call of the synchronizer for an item.</summary>
public sealed record SyncOutcome(SyncOutcomeKind Kind)
{
    /// <summary>The record after the call; null if the ledger does not hold the item or was not read.</summary>
    public SyncRecord? Record { get; init; }

    /// <summary>For <see cref="SyncOutcomeKind.Pending"/>.</summary>
    public PendingCause? Cause { get; init; }

    /// <summary>For <see cref="SyncOutcomeKind.Pending"/>: when to call again.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>AlipayHK's resultCode or one of the client's own; null where no attempt was made.</summary>
    public string? Code { get; init; }

    /// <summary>An explanation for a person; null if there is nothing to explain.</summary>
    public string? Description { get; init; }
}
