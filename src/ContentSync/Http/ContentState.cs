using System.ComponentModel.DataAnnotations;
using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http.Board;
using ContentSync.Ledger;

namespace ContentSync.Http;

/// <summary>The state of one item.</summary>
public sealed record ContentState
{
    /// <summary>The item's contentId.</summary>
    public required string ContentId { get; init; }

    /// <summary>The item's contentType; absent for a tombstone that was delisted by id alone.</summary>
    public string? ContentType { get; init; }

    /// <summary>0 delisted, 1 listed.</summary>
    public required int ContentStatus { get; init; }

    /// <summary>The latest accepted revision: the caller's integer, or a time in ISO 8601.</summary>
    public required string Revision { get; init; }

    /// <summary>The item's state; a tombstone was delisted before any content of it was accepted, so nothing is sent.</summary>
    [EnumDataType(typeof(SyncState))]
    public required string State { get; init; }

    /// <summary>Absent unless parked.</summary>
    [EnumDataType(typeof(ParkReason))]
    public string? ParkReason { get; init; }

    /// <summary>The requestId sent to AlipayHK, the same on every attempt for this version. Absent for a tombstone.</summary>
    public string? RequestId { get; init; }

    /// <summary>Attempts spent on this version.</summary>
    public required int Attempts { get; init; }

    /// <summary>When this version was accepted.</summary>
    public required DateTimeOffset AcceptedAt { get; init; }

    /// <summary>When the next attempt is due; absent unless pending.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>The revision that AlipayHK acknowledged last.</summary>
    public string? SynchronizedRevision { get; init; }

    /// <summary>When AlipayHK acknowledged it.</summary>
    public DateTimeOffset? SynchronizedAt { get; init; }

    /// <summary>How the last attempt ended; absent before the first one.</summary>
    public AttemptState? LastAttempt { get; init; }

    /// <summary>What to do about the code of the last attempt; absent in lists, before the first attempt and once it succeeded.</summary>
    public string? Advice { get; init; }

    /// <summary>MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>MOVIE only: valid, paused, expired or frozen, as AlipayHK spells it.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>The last ten attempts, oldest first, including those for earlier versions of the item; absent in lists.</summary>
    public IReadOnlyList<AttemptState>? History { get; init; }

    /// <summary>
    /// What was sent: the last ten requests, one entry each however many attempts it took, in the order of their newest attempts; absent
    /// in lists.
    /// </summary>
    public IReadOnlyList<SentState>? Sent { get; init; }

    /// <summary>The accepted contentInfo; absent in lists.</summary>
    public string? ContentInfo { get; init; }

    /// <summary>Set if AlipayHK holds an older version than the caller meant, because a newer one was refused.</summary>
    public StaleState? Stale { get; init; }

    /// <summary>What is probably a mistake in the item as submitted; absent if there is nothing, and in every other response.</summary>
    public IReadOnlyList<ProblemError>? Warnings { get; init; }

    /// <summary>Adds the warnings about an item that was just submitted.</summary>
    internal ContentState With(IReadOnlyList<ContentViolation> warnings) =>
        warnings.Count == 0 ? this : this with { Warnings = [.. warnings.Select(ProblemError.Of)] };

    internal static ContentState Of(SyncRecord record) => Of(ListedItem.Of(record));

    internal static ContentState Of(ListedItem record) => new()
    {
        ContentId = record.ContentId,
        ContentType = record.ContentType.Length == 0 ? null : record.ContentType,
        ContentStatus = (int)record.ContentStatus,
        Revision = record.Version.ToString(),
        State = EnumText.Of(record.State),
        ParkReason = record.ParkReason is { } reason ? EnumText.Of(reason) : null,
        RequestId = record.State == SyncState.Tombstone ? null : record.RequestId,
        Attempts = record.Attempts,
        AcceptedAt = record.AcceptedAt,
        DueAt = record.State == SyncState.Pending ? record.DueAt : null,
        SynchronizedRevision = record.SynchronizedVersion?.ToString(),
        SynchronizedAt = record.SynchronizedAt,
        LastAttempt = record.LastAttempt is { } attempt ? AttemptState.Of(attempt) : null,
        TemplateCode = record.TemplateCode,
        TemplateStatus = record.TemplateStatus,
        Stale = record.Refused is { } refused
            ? new StaleState(refused.At, refused.Version.ToString(), refused.Code, refused.Message)
            : null,
    };

    /// <summary>Adds the members that are too large for a list.</summary>
    internal static ContentState DetailsOf(SyncRecord record) => Of(record) with
    {
        Advice = record is { State: not SyncState.Synchronized, LastAttempt: { } attempt } && attempt.Code != ResultCodes.Success
            ? CodeAdvice.For(attempt.Code)
            : null,
        Sent = [.. record.ReadSent().Select(SentState.Of)],
        History = [.. record.EarlierAttempts.Concat(record.LastAttempt is { } last ? [last] : []).Select(AttemptState.Of)],
        ContentInfo = record.ReadContentInfo() is { } contentInfo ? Encoding.UTF8.GetString(contentInfo.Span) : null,
    };
}

/// <summary>Why AlipayHK holds an older version of an item than the caller meant.</summary>
/// <param name="Since">When the first newer version was refused that no accepted one has replaced.</param>
/// <param name="Revision">The newest refused version: the caller's integer, or a time in ISO 8601.</param>
/// <param name="Code">Code of its first violation.</param>
/// <param name="Message">What is wrong with it; cut after 512 characters.</param>
public sealed record StaleState(DateTimeOffset Since, string Revision, string Code, string Message);

/// <summary>How an attempt ended.</summary>
/// <param name="At">When the response was read or timed out.</param>
/// <param name="RequestId">The requestId sent to AlipayHK.</param>
/// <param name="Code">AlipayHK's resultCode, or one of this app's own.</param>
/// <param name="Message">AlipayHK's resultMessage, or this app's explanation.</param>
/// <param name="TracerId">AlipayHK's id of the request; quote it to AlipayHK's support.</param>
/// <param name="TemplateCode">MOVIE only, if the attempt succeeded.</param>
/// <param name="TemplateStatus">MOVIE only, if the attempt succeeded: valid, paused, expired or frozen, as AlipayHK spells it.</param>
/// <remarks>This app's own codes are in <see cref="AlipayHk.ClientCodes"/>.</remarks>
public sealed record AttemptState(
    DateTimeOffset At,
    string RequestId,
    string Code,
    string Message,
    string? TracerId,
    string? TemplateCode = null,
    string? TemplateStatus = null)
{
    /// <summary>The revision that the attempt was for; absent in lists, and for attempts recorded by an earlier version of this app.</summary>
    public string? Revision { get; init; }

    /// <summary>What the attempt did to the item; absent where revision is.</summary>
    [EnumDataType(typeof(AttemptOutcomeKind))]
    public string? Outcome { get; init; }

    internal static AttemptState Of(SyncAttempt attempt) =>
        new(attempt.At, attempt.RequestId, attempt.Code, attempt.Message, attempt.TracerId, attempt.TemplateCode, attempt.TemplateStatus)
        {
            Revision = attempt.Attempted?.Version.ToString(),
            Outcome = attempt.Attempted is { } attempted ? EnumText.Of(attempted.Outcome) : null,
        };
}

/// <summary>A request that was sent to AlipayHK, or may have been.</summary>
/// <param name="Revision">The revision that was sent: the caller's integer, or a time in ISO 8601.</param>
/// <param name="At">When its newest attempt ended.</param>
/// <param name="Outcome">What that attempt did to the item; released: it was interrupted, so AlipayHK may have received it.</param>
/// <param name="Code">AlipayHK's resultCode, or one of this app's own.</param>
/// <param name="Digest">SHA-256 of contentType, contentStatus and contentInfo in canonical form, in hex.</param>
/// <param name="RequestId">The requestId.</param>
/// <param name="ContentInfo">The contentInfo that was sent, if the app keeps the bodies of earlier requests.</param>
public sealed record SentState(
    string Revision,
    DateTimeOffset At,
    [property: EnumDataType(typeof(AttemptOutcomeKind))] string Outcome,
    string Code,
    string Digest,
    string RequestId,
    string? ContentInfo)
{
    internal static SentState Of(SentRequest request) => new(
        request.Attempted.Version.ToString(),
        request.At,
        EnumText.Of(request.Attempted.Outcome),
        request.Code,
        request.Attempted.Digest.ToString(),
        request.RequestId,
        request.Body is { } body && SyncRecord.ReadContentInfo(body) is { } contentInfo ? Encoding.UTF8.GetString(contentInfo.Span) : null);
}
