namespace ContentSync.Ledger;

/// <summary>State of an item's newest accepted version.</summary>
public enum SyncState
{
    /// <summary>Accepted, but not yet acknowledged by AlipayHK.</summary>
    Pending = 0,

    /// <summary>AlipayHK acknowledged it with a signed success.</summary>
    Synchronized = 1,

    /// <summary>Not sent until its content changes or a person replays it. <see cref="SyncRecord.ParkReason"/> gives the reason.</summary>
    Parked = 2,

    /// <summary>
    /// Delisted by id before the ledger held any content of it, so there is nothing to send. Its version still supersedes older changes.
    /// </summary>
    Tombstone = 3,
}

/// <summary>Why an item is parked.</summary>
public enum ParkReason
{
    /// <summary>AlipayHK rejected the content permanently, in a signed response. The same content is not sent again automatically.</summary>
    Rejected = 1,

    /// <summary>Every attempt that the policy allows has failed.</summary>
    AttemptsExhausted = 2,

    /// <summary>AlipayHK did not acknowledge it within the policy's age limit.</summary>
    AgeExceeded = 3,
}
