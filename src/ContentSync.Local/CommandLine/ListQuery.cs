using ContentSync.Ledger;

namespace ContentSync.Local.CommandLine;

/// <summary>Which items a list has; a null member matches every item.</summary>
internal sealed record ListQuery(SyncState? State, string? ContentType, string? ResultCode);
