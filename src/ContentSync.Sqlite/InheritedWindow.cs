namespace ContentSync.Sqlite;

/// <summary>
/// The late-effect window of the requests that the previous owner left in flight. Which items they belong to is unknown, so it covers every
/// row that the previous owner can have written.
/// </summary>
/// <param name="LastRow">Id of the last row in the window; 0 for none.</param>
/// <param name="EndsAt">End of the window.</param>
internal readonly record struct InheritedWindow(long LastRow, DateTimeOffset EndsAt);
