using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Http;

/// <summary>The state of one item.</summary>
public sealed record ContentState
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    /// <summary>0 delisted, 1 listed.</summary>
    public required int ContentStatus { get; init; }

    /// <summary>The latest accepted revision: the caller's integer, or a time in ISO 8601.</summary>
    public required string Revision { get; init; }

    /// <summary>pending, synchronized or parked.</summary>
    public required string State { get; init; }

    /// <summary>rejected, attemptsExhausted or ageExceeded; absent unless parked.</summary>
    public string? ParkReason { get; init; }

    public required string RequestId { get; init; }

    public required int Attempts { get; init; }

    public required DateTimeOffset AcceptedAt { get; init; }

    /// <summary>When the next attempt is due; absent unless pending.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>The revision that AlipayHK acknowledged last.</summary>
    public string? SynchronizedRevision { get; init; }

    public DateTimeOffset? SynchronizedAt { get; init; }

    public AttemptState? LastAttempt { get; init; }

    /// <summary>MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>MOVIE only: valid, paused, expired or frozen, as AlipayHK spells it.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>The last ten attempts, oldest first, including those for earlier versions of the item; absent in lists.</summary>
    public IReadOnlyList<AttemptState>? History { get; init; }

    /// <summary>The accepted contentInfo; absent in lists.</summary>
    public string? ContentInfo { get; init; }

    internal static ContentState Of(SyncRecord record) => new()
    {
        ContentId = record.ContentId,
        ContentType = record.ContentType,
        ContentStatus = (int)record.ContentStatus,
        Revision = record.Version.ToString(),
        State = EnumText.Of(record.State),
        ParkReason = record.ParkReason is { } reason ? EnumText.Of(reason) : null,
        RequestId = record.RequestId,
        Attempts = record.Attempts,
        AcceptedAt = record.AcceptedAt,
        DueAt = record.State == SyncState.Pending ? record.DueAt : null,
        SynchronizedRevision = record.SynchronizedVersion?.ToString(),
        SynchronizedAt = record.SynchronizedAt,
        LastAttempt = record.LastAttempt is { } attempt ? AttemptState.Of(attempt) : null,
        TemplateCode = record.TemplateCode,
        TemplateStatus = record.TemplateStatus,
    };

    /// <summary>Adds the members that are too large for a list.</summary>
    internal static ContentState DetailsOf(SyncRecord record) => Of(record) with
    {
        History = [.. record.EarlierAttempts.Concat(record.LastAttempt is { } last ? [last] : []).Select(AttemptState.Of)],
        ContentInfo = record.ReadContentInfo() is { } contentInfo ? Encoding.UTF8.GetString(contentInfo.Span) : null,
    };
}

/// <summary>How an attempt ended.</summary>
/// <param name="At">When the response was read or timed out.</param>
/// <param name="RequestId">The requestId sent to AlipayHK.</param>
/// <param name="Code">AlipayHK's resultCode, or one of this app's own (<see cref="AlipayHk.ClientCodes"/>).</param>
/// <param name="Message">AlipayHK's resultMessage, or this app's explanation.</param>
/// <param name="TracerId">AlipayHK's id of the request; quote it to AlipayHK's support.</param>
/// <param name="TemplateCode">MOVIE only, if the attempt succeeded.</param>
/// <param name="TemplateStatus">MOVIE only, if the attempt succeeded: valid, paused, expired or frozen, as AlipayHK spells it.</param>
public sealed record AttemptState(
    DateTimeOffset At,
    string RequestId,
    string Code,
    string Message,
    string? TracerId,
    string? TemplateCode = null,
    string? TemplateStatus = null)
{
    internal static AttemptState Of(SyncAttempt attempt) =>
        new(attempt.At, attempt.RequestId, attempt.Code, attempt.Message, attempt.TracerId, attempt.TemplateCode, attempt.TemplateStatus);
}
