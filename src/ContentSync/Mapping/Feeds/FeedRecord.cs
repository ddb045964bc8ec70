namespace ContentSync.Mapping.Feeds;

/// <summary>One record of a feed: a line, an element, a row.</summary>
/// <param name="Line">The line it starts on, from 1.</param>
/// <param name="Index">Its index in a JSON array, from 0; null for any other format.</param>
/// <param name="Fields">Its fields; null if it cannot be read.</param>
/// <param name="Fault">Why it cannot be read: one sentence; null if it can.</param>
internal readonly record struct FeedRecord(long Line, long? Index, FeedObject? Fields, string? Fault);
