namespace ContentSync.Ledger;

/// <summary>Where the newest accepted revision of a content stands.</summary>
public enum SyncState
{
    /// <summary>Accepted, and AlipayHK has not acknowledged it yet.</summary>
    Pending = 0,

    /// <summary>AlipayHK acknowledged it with a signed success.</summary>
    Synchronized = 1,

    /// <summary>Not sent again until its content changes or a person replays it; <see cref="SyncRecord.ParkReason"/> says why.</summary>
    Parked = 2,
}

/// <summary>Why a content is parked.</summary>
public enum ParkReason
{
    /// <summary>AlipayHK rejected this very content for good, in a signed answer. The same content is never sent again.</summary>
    Rejected = 1,

    /// <summary>Every attempt the policy allows was spent.</summary>
    AttemptsExhausted = 2,

    /// <summary>Not acknowledged within the policy's age limit.</summary>
    AgeExceeded = 3,
}
