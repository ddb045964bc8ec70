using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>How one run of a content through the synchronizer ended.</summary>
public enum SyncOutcomeKind
{
    /// <summary>AlipayHK acknowledged the newest revision in this run.</summary>
    Synchronized,

    /// <summary>The newest revision was acknowledged before; no call was made.</summary>
    Unchanged,

    /// <summary>AlipayHK rejected it for good.</summary>
    Rejected,

    /// <summary>Given up on; waits for a person.</summary>
    Parked,

    /// <summary>Still pending; to be run again after <see cref="SyncOutcome.Delay"/>.</summary>
    Pending,

    /// <summary>The ledger holds no such content.</summary>
    NotFound,
}

/// <summary>Why a content is still pending.</summary>
public enum PendingCause
{
    /// <summary>The attempt failed and is spent; the next one waits for its back-off.</summary>
    Retry,

    /// <summary>Sending is stopped, or no signature can be had; no attempt was spent.</summary>
    Deferred,

    /// <summary>Another attempt at the same content is in flight.</summary>
    Busy,

    /// <summary>Its back-off or pause has not passed yet.</summary>
    NotDue,

    /// <summary>The ledger could not be reached.</summary>
    LedgerUnavailable,
}

/// <summary>How one run of a content through the synchronizer ended, and what is known of it.</summary>
public sealed record SyncOutcome(SyncOutcomeKind Kind)
{
    /// <summary>The record afterwards; null where the ledger holds none or could not be read.</summary>
    public SyncRecord? Record { get; init; }

    /// <summary>For <see cref="SyncOutcomeKind.Pending"/>.</summary>
    public PendingCause? Cause { get; init; }

    /// <summary>For <see cref="SyncOutcomeKind.Pending"/>: run it again after this wait.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>AlipayHK's resultCode or one of the client's own; null where no attempt was made.</summary>
    public string? Code { get; init; }

    /// <summary>One sentence; null where there is nothing to explain.</summary>
    public string? Description { get; init; }
}
