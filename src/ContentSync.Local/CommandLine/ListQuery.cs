using ContentSync.Ledger;

namespace ContentSync.Local.CommandLine;

/// <summary>Which items a list has; a null member matches every item.</summary>
/// <param name="State">The state.</param>
/// <param name="ContentType">The contentType.</param>
/// <param name="ResultCode">The code of the last attempt.</param>
/// <param name="IsStale">Whether AlipayHK holds an older version, because a newer one was refused; false matches every item.</param>
internal sealed record ListQuery(SyncState? State, string? ContentType, string? ResultCode, bool IsStale)
{
    /// <summary>Why the item is parked.</summary>
    public ParkReason? Reason { get; init; }

    /// <summary>The beginning of the contentId.</summary>
    public string? Prefix { get; init; }

    /// <summary>The earliest time at which the last attempt ended, or the content was accepted after it.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>The time before which it did.</summary>
    public DateTimeOffset? To { get; init; }
}
