namespace ContentSync.Ledger;

/// <summary>Selects records. A null member, or one that is false, matches every record.</summary>
public sealed record SyncRecordFilter
{
    public SyncState? State { get; init; }

    /// <summary>Only pending records whose <see cref="SyncRecord.DueAt"/> is at or before this time.</summary>
    public DateTimeOffset? DueBy { get; init; }

    public string? ContentType { get; init; }

    /// <summary>Only records whose newest attempt ended with this code.</summary>
    public string? ResultCode { get; init; }

    /// <summary>Only records with a <see cref="SyncRecord.Refused"/> version.</summary>
    public bool IsStale { get; init; }

    /// <summary>Only parked records with this reason.</summary>
    public ParkReason? ParkReason { get; init; }

    /// <summary>Only records whose <see cref="ListedItem.LatestAt"/> is this time or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Only records whose <see cref="ListedItem.LatestAt"/> is before this time.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Only records whose contentId begins with this text.</summary>
    public string? IdPrefix { get; init; }

    /// <summary>Only records that are pending, parked or stale.</summary>
    public bool IsOutOfSync { get; init; }

    /// <summary>Only records that are stale, or out of sync after a failed attempt; leaves out those that wait for their first one.</summary>
    public bool IsFailing { get; init; }

    /// <summary>
    /// Whether only items that are out of sync can match. An item in sync has the code SUCCESS, because its last attempt made it so.
    /// </summary>
    internal bool SelectsOutOfSync =>
        IsOutOfSync || IsFailing || IsStale || DueBy is not null || ParkReason is not null
        || State is SyncState.Pending or SyncState.Parked
        || (State is null && ResultCode is not null and not SyncAttempt.SuccessCode);

    /// <summary>Whether an item meets every member.</summary>
    public bool Matches(ListedItem item) =>
        (State is not { } state || item.State == state)
        && (DueBy is not { } dueBy || (item.State == SyncState.Pending && item.DueAt <= dueBy))
        && (ContentType is not { } type || item.ContentType == type)
        && (ResultCode is not { } code || item.LastAttempt?.Code == code)
        && (!IsStale || item.IsStale)
        && (ParkReason is not { } reason || item.ParkReason == reason)
        && (From is not { } from || item.LatestAt >= from)
        && (To is not { } to || item.LatestAt < to)
        && (IdPrefix is not { } prefix || item.ContentId.StartsWith(prefix, StringComparison.Ordinal))
        && (!IsOutOfSync || item.IsOutOfSync)
        && (!IsFailing || item.IsFailing);
}
