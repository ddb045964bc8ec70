using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// What is known of one content: the newest accepted revision with its fixed request, how its delivery stands,
/// and what AlipayHK holds. One per contentId. Immutable; <see cref="SyncTransitions"/> makes the next state.
/// </summary>
public sealed record SyncRecord
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    public required ContentStatus ContentStatus { get; init; }

    /// <summary>The newest accepted revision.</summary>
    public required Revision Revision { get; init; }

    /// <summary>Hash of the newest accepted content.</summary>
    public required ContentHash Hash { get; init; }

    /// <summary>32 lower-case hex digits, fixed with <see cref="Body"/> when the content was accepted and changed only with it.</summary>
    public required string RequestId { get; init; }

    /// <summary>The exact bytes of the request body, encryption aside.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required SyncState State { get; init; }

    /// <summary>When this content (not merely its revision number) was accepted; the policy's age counts from here.</summary>
    public required DateTimeOffset AcceptedAt { get; init; }

    /// <summary>Not to be sent before; the sweep enqueues again what is pending past this time.</summary>
    public required DateTimeOffset DueAt { get; init; }

    /// <summary>Attempts spent on the current request. Counted when the lease is taken, given back by a pause or a release.</summary>
    public int Attempts { get; init; }

    /// <summary>One more with every scheduled copy (pauses included), replay and change of content; never goes back, so each message's MessageId is its own.</summary>
    public int Hop { get; init; }

    /// <summary>Held by whoever has the request in flight, and for as long as AlipayHK may be at work on one that was given up on.</summary>
    public SyncLease? Lease { get; init; }

    /// <summary>
    /// Hash of the content AlipayHK is known to hold. Cleared when a lease is taken, since from then on AlipayHK may hold
    /// either; set again by an acknowledged success.
    /// </summary>
    public ContentHash? SynchronizedHash { get; init; }

    /// <summary>Revision of the last acknowledged success.</summary>
    public Revision? SynchronizedRevision { get; init; }

    /// <summary>Time of the last acknowledged success.</summary>
    public DateTimeOffset? SynchronizedAt { get; init; }

    public ParkReason? ParkReason { get; init; }

    /// <summary>How the newest attempt ended; null before the first one.</summary>
    public SyncAttempt? LastAttempt { get; init; }

    /// <summary>The attempts before <see cref="LastAttempt"/>, those at contents before this one among them.</summary>
    public AttemptHistory EarlierAttempts { get; init; } = AttemptHistory.Empty;

    /// <summary>AlipayHK's card-wallet template, MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>valid, paused, expired or frozen, MOVIE only; kept as AlipayHK wrote it.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>Changes with every write; what the optimistic concurrency compares. The ledger sets it as it writes, before anyone else sees the record.</summary>
    public string ETag { get; internal set; } = "";
}

/// <summary>The right to send one content's request, until it expires.</summary>
public sealed record SyncLease(string LeaseId, DateTimeOffset ExpiresAt);

/// <summary>How one attempt ended.</summary>
/// <param name="At">When the answer was read or given up on.</param>
/// <param name="RequestId">The request it sent.</param>
/// <param name="Code">AlipayHK's resultCode, or one of the client's own codes where no usable answer came.</param>
/// <param name="Message">AlipayHK's resultMessage or a sentence of the client's; at most 256 characters.</param>
/// <param name="TracerId">AlipayHK's trace id, to be quoted to its support.</param>
public sealed record SyncAttempt(DateTimeOffset At, string RequestId, string Code, string Message, string? TracerId)
{
    /// <summary>The card-wallet template as AlipayHK had told it when it acknowledged this attempt, MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>Likewise: valid, paused, expired or frozen.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>The newest attempt, for a ledger that stores the template once, with its record: the record's template is that of the last acknowledged attempt.</summary>
    public SyncAttempt InRecord(DateTimeOffset? synchronizedAt, string? templateCode, string? templateStatus) =>
        At == synchronizedAt ? this with { TemplateCode = templateCode, TemplateStatus = templateStatus } : this;
}
