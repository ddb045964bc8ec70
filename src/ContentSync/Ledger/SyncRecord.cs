using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// The ledger's entry for one item: the newest accepted version with its request, the state of its synchronization, and what
/// AlipayHK holds. One per contentId. Immutable; <see cref="SyncTransitions"/> derives the next state.
/// </summary>
public sealed record SyncRecord
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    public required ContentStatus ContentStatus { get; init; }

    /// <summary>The newest accepted version, and what decides whether a change is newer.</summary>
    public required VersionOrder Order { get; init; }

    /// <summary>The newest accepted version.</summary>
    public ChangeVersion Version => Order.Current;

    /// <summary>Hash of the newest accepted version.</summary>
    public required ContentHash Hash { get; init; }

    /// <summary>
    /// 32 lower-case hex digits. Created with <see cref="Body"/> when the version was accepted; changes only with it. Empty for a tombstone.
    /// </summary>
    public required string RequestId { get; init; }

    /// <summary>The exact bytes of the request body, before encryption. Empty for a tombstone.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required SyncState State { get; init; }

    /// <summary>When this content (not merely its revision) was accepted or last replayed. The policy's age limit counts from here.</summary>
    public required DateTimeOffset AcceptedAt { get; init; }

    /// <summary>The item is not sent before this time. The sweep enqueues items that are pending past it.</summary>
    public required DateTimeOffset DueAt { get; init; }

    /// <summary>Attempts spent on the current request. Incremented when a lease is granted; a deferral or a release takes it back.</summary>
    public int Attempts { get; init; }

    /// <summary>Incremented on every rescheduling, replay or content change; never decreases, so MessageIds are unique.</summary>
    public int Hop { get; init; }

    /// <summary>Held while a request is in flight and during the late-effect window of a request that timed out.</summary>
    public SyncLease? Lease { get; init; }

    /// <summary>
    /// Hash of the version that AlipayHK is known to hold. Cleared when a lease is granted, because from then on AlipayHK may hold
    /// the old version or the new one; set again by an acknowledged success.
    /// </summary>
    public ContentHash? SynchronizedHash { get; init; }

    /// <summary>Version of the last acknowledged success.</summary>
    public ChangeVersion? SynchronizedVersion { get; init; }

    /// <summary>Time of the last acknowledged success.</summary>
    public DateTimeOffset? SynchronizedAt { get; init; }

    public ParkReason? ParkReason { get; init; }

    /// <summary>A newer version that failed validation; null if there is none.</summary>
    public SyncRefusal? Refused { get; init; }

    /// <summary>Whether AlipayHK holds an older version than the caller meant, because the newer one was refused.</summary>
    public bool IsStale => Refused is not null;

    /// <summary>Whether only a delisting by id is known of the item.</summary>
    public bool IsTombstone => State == SyncState.Tombstone;

    /// <summary>The newest attempt; null before the first one has ended.</summary>
    public SyncAttempt? LastAttempt { get; init; }

    /// <summary>The attempts before <see cref="LastAttempt"/>, including those at earlier versions.</summary>
    public AttemptHistory EarlierAttempts { get; init; } = AttemptHistory.Empty;

    /// <summary>The requests that were sent before that of <see cref="LastAttempt"/>; see <see cref="ReadSent"/> for all of them.</summary>
    public SentHistory EarlierSent { get; init; } = SentHistory.Empty;

    /// <summary>AlipayHK's card-wallet template, MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>valid, paused, expired or frozen, as AlipayHK spells it; MOVIE only.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>
    /// Changes with every write; optimistic concurrency compares it. The ledger sets it during the write, before the record is
    /// visible to other callers.
    /// </summary>
    public string ETag { get; internal set; } = "";

    /// <summary>
    /// Whether this stands for an item that the ledger does not hold; its version is the horizon, and what is dated before that is
    /// superseded. Never stored.
    /// </summary>
    public bool IsForgotten { get; private init; }

    /// <summary>What stands for an item that the ledger does not hold, in the response to a change that the horizon supersedes.</summary>
    internal static SyncRecord Forgotten(ContentItem item, DateTimeOffset horizon) => new()
    {
        ContentId = item.ContentId,
        ContentType = "",
        ContentStatus = ContentStatus.Invalid,
        Order = VersionOrder.First(new ChangeVersion(null, null, horizon), null, horizon),
        Hash = default,
        RequestId = "",
        Body = default,
        State = SyncState.Tombstone,
        AcceptedAt = horizon,
        DueAt = horizon,
        IsForgotten = true,
    };

    /// <summary>Whether the ledger's table has an index row for this record; see <see cref="TableLedgerIndexRow"/>.</summary>
    internal bool HasIndexRow { get; init; }

    /// <summary>Every request that was sent and is still known, in the order in which they were last attempted.</summary>
    public IReadOnlyList<SentRequest> ReadSent()
    {
        if (SentRequest.Of(LastAttempt) is not { } last) return EarlierSent;
        var known = EarlierSent.FirstOrDefault(request => request.RequestId == last.RequestId);
        // An interrupted attempt is not the last one, because its outcome is unknown.
        if (known is not null && known.At > last.At) return EarlierSent;
        var others = EarlierSent.Where(request => request.RequestId != last.RequestId);
        return [.. others.Append(last with { Body = known?.Body }).OrderBy(request => request.At)];
    }

    /// <summary>The accepted contentInfo in UTF-8; null for a tombstone.</summary>
    public ReadOnlyMemory<byte>? ReadContentInfo() => ReadContentInfo(Body);

    /// <summary>The contentInfo of a request body in UTF-8; null if it has none.</summary>
    public static ReadOnlyMemory<byte>? ReadContentInfo(ReadOnlyMemory<byte> body)
    {
        // The body is one JSON object whose contentInfo is a string.
        var json = new Utf8JsonReader(body.Span);
        while (!body.IsEmpty && json.Read())
        {
            if (json.TokenType != JsonTokenType.PropertyName || json.CurrentDepth != 1 || !json.ValueTextEquals("contentInfo"u8)) continue;
            json.Read();
            var contentInfo = new byte[json.ValueSpan.Length];
            return contentInfo.AsMemory(0, json.CopyString(contentInfo));
        }

        return null;
    }
}

/// <summary>The exclusive right to send an item, until it expires.</summary>
public sealed record SyncLease(string LeaseId, DateTimeOffset ExpiresAt);

/// <summary>An attempt that has ended.</summary>
/// <param name="At">When the response was read or the wait for it timed out.</param>
/// <param name="RequestId">Id of the request that was sent.</param>
/// <param name="Code">AlipayHK's resultCode, or one of the client's own codes if there was no usable response.</param>
/// <param name="Message">AlipayHK's resultMessage or the client's own sentence; at most 256 characters.</param>
/// <param name="TracerId">AlipayHK's id of the request, for its support.</param>
public sealed record SyncAttempt(DateTimeOffset At, string RequestId, string Code, string Message, string? TracerId)
{
    /// <summary>AlipayHK's code of an acknowledgement.</summary>
    internal const string SuccessCode = "SUCCESS";

    /// <summary>The version, its digest and the outcome; null for an attempt that an earlier version of this program recorded.</summary>
    public AttemptedVersion? Attempted { get; init; }

    /// <summary>The card-wallet template known when AlipayHK acknowledged this attempt; MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>The template's status at the same time: valid, paused, expired or frozen.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>
    /// Restores the template of the newest attempt, for a ledger that stores the template only once, with the record. The record's
    /// template belongs to the last acknowledged attempt.
    /// </summary>
    public SyncAttempt InRecord(DateTimeOffset? synchronizedAt, string? templateCode, string? templateStatus) =>
        At == synchronizedAt ? this with { TemplateCode = templateCode, TemplateStatus = templateStatus } : this;
}
