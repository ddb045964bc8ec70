using ContentSync.Ledger;

namespace ContentSync.Http;

/// <summary>What the API says of one content.</summary>
public sealed record ContentState
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    /// <summary>0 delisted, 1 listed.</summary>
    public required int ContentStatus { get; init; }

    /// <summary>The newest accepted revision: the caller's integer, or a time in ISO 8601.</summary>
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

    /// <summary>What AlipayHK acknowledged last.</summary>
    public string? SynchronizedRevision { get; init; }

    public DateTimeOffset? SynchronizedAt { get; init; }

    public LastAttemptState? LastAttempt { get; init; }

    /// <summary>MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>MOVIE only: valid, paused, expired or frozen, as AlipayHK wrote it.</summary>
    public string? TemplateStatus { get; init; }

    internal static ContentState Of(SyncRecord record) => new()
    {
        ContentId = record.ContentId,
        ContentType = record.ContentType,
        ContentStatus = (int)record.ContentStatus,
        Revision = record.Revision.ToString(),
        State = Spelled(record.State.ToString()),
        ParkReason = record.ParkReason is { } reason ? Spelled(reason.ToString()) : null,
        RequestId = record.RequestId,
        Attempts = record.Attempts,
        AcceptedAt = record.AcceptedAt,
        DueAt = record.State == SyncState.Pending ? record.DueAt : null,
        SynchronizedRevision = record.SynchronizedRevision?.ToString(),
        SynchronizedAt = record.SynchronizedAt,
        LastAttempt = record.LastAttempt is { } attempt ? new LastAttemptState(attempt.At, attempt.RequestId, attempt.Code, attempt.Message, attempt.TracerId) : null,
        TemplateCode = record.TemplateCode,
        TemplateStatus = record.TemplateStatus,
    };

    private static string Spelled(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}

/// <summary>How the newest attempt ended.</summary>
/// <param name="At">When.</param>
/// <param name="RequestId">The request it sent.</param>
/// <param name="Code">AlipayHK's resultCode, or one of the client's own.</param>
/// <param name="Message">AlipayHK's resultMessage, or a sentence of the client's.</param>
/// <param name="TracerId">To be quoted to AlipayHK's support.</param>
public sealed record LastAttemptState(DateTimeOffset At, string RequestId, string Code, string Message, string? TracerId);
