using ContentSync.Ledger;

namespace ContentSync.Local.CommandLine;

/// <summary>Which items a list has; a null member matches every item.</summary>
/// <param name="State">The state.</param>
/// <param name="ContentType">The contentType.</param>
/// <param name="ResultCode">The code of the last attempt.</param>
/// <param name="IsStale">Whether AlipayHK holds an older version, because a newer one was refused; false matches every item.</param>
internal sealed record ListQuery(SyncState? State, string? ContentType, string? ResultCode, bool IsStale);
