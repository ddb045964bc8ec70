using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>What lists and counts need of an item: its record without the content, the order of versions and the earlier attempts.</summary>
public sealed record ListedItem
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    public required ContentStatus ContentStatus { get; init; }

    /// <summary>The newest accepted version.</summary>
    public required ChangeVersion Version { get; init; }

    public required string RequestId { get; init; }

    public required SyncState State { get; init; }

    public required DateTimeOffset AcceptedAt { get; init; }

    public required DateTimeOffset DueAt { get; init; }

    /// <summary>Attempts that have ended; a ledger may already count one that is in flight.</summary>
    public int Attempts { get; init; }

    public int Hop { get; init; }

    /// <summary>When the item's lease ends; null if it has none, or if the ledger keeps leases apart from its lists.</summary>
    public DateTimeOffset? LeaseExpiresAt { get; init; }

    public ChangeVersion? SynchronizedVersion { get; init; }

    public DateTimeOffset? SynchronizedAt { get; init; }

    public ParkReason? ParkReason { get; init; }

    public SyncRefusal? Refused { get; init; }

    /// <summary>Without <see cref="SyncAttempt.Attempted"/>.</summary>
    public SyncAttempt? LastAttempt { get; init; }

    public string? TemplateCode { get; init; }

    public string? TemplateStatus { get; init; }

    /// <inheritdoc cref="SyncRecord.IsStale"/>
    public bool IsStale => Refused is not null;

    /// <summary>Whether AlipayHK does not hold what it should: the item is pending, parked or stale.</summary>
    public bool IsOutOfSync => State is SyncState.Pending or SyncState.Parked || IsStale;

    /// <summary>Whether the item is stale, or is out of sync after an attempt that failed.</summary>
    public bool IsFailing => IsStale || (IsOutOfSync && LastAttempt is { } last && last.Code != SyncAttempt.SuccessCode);

    /// <summary>When the newest attempt ended or the content was accepted, whichever is later.</summary>
    public DateTimeOffset LatestAt => LastAttempt is { } last && last.At > AcceptedAt ? last.At : AcceptedAt;

    /// <summary>The part of a record that lists need.</summary>
    public static ListedItem Of(SyncRecord record) => new()
    {
        ContentId = record.ContentId,
        ContentType = record.ContentType,
        ContentStatus = record.ContentStatus,
        Version = record.Version,
        RequestId = record.RequestId,
        State = record.State,
        AcceptedAt = record.AcceptedAt,
        DueAt = record.DueAt,
        Attempts = record.Attempts,
        Hop = record.Hop,
        LeaseExpiresAt = record.Lease?.ExpiresAt,
        SynchronizedVersion = record.SynchronizedVersion,
        SynchronizedAt = record.SynchronizedAt,
        ParkReason = record.ParkReason,
        Refused = record.Refused,
        LastAttempt = record.LastAttempt is { Attempted: not null } last ? last with { Attempted = null } : record.LastAttempt,
        TemplateCode = record.TemplateCode,
        TemplateStatus = record.TemplateStatus,
    };
}

/// <summary>A page of a list.</summary>
/// <param name="Items">At most as many as requested; may be fewer, or none, before the last page.</param>
/// <param name="Next">Where the next page begins; only the ledger that wrote it can read it. Null on the last page.</param>
public sealed record ItemPage(IReadOnlyList<ListedItem> Items, string? Next)
{
    /// <summary>Share of the ledger that has been searched up to the end of this page, from 0 to 1; null if the ledger does not know it.</summary>
    public double? Searched { get; init; }
}
