namespace ContentSync.Content;

/// <summary>The members of a valid item that show whether it differs from the ledger.</summary>
/// <param name="contentId">In UTF-8. Valid until the next item is read.</param>
/// <param name="hash">Hash of the canonical form.</param>
/// <param name="contentStatus">Listed or delisted.</param>
/// <param name="number">The caller's revision; null if the item has none.</param>
/// <param name="occurredAt">The caller's occurredAt; null if the item has none.</param>
internal readonly ref struct ContentDigest(
    ReadOnlySpan<byte> contentId, ContentHash hash, ContentStatus contentStatus, long? number, DateTimeOffset? occurredAt)
{
    /// <summary>In UTF-8. Valid until the next item is read.</summary>
    public ReadOnlySpan<byte> ContentId { get; } = contentId;

    public ContentHash Hash { get; } = hash;

    public ContentStatus ContentStatus { get; } = contentStatus;

    public long? Number { get; } = number;

    public DateTimeOffset? OccurredAt { get; } = occurredAt;

    /// <summary>Whether it delists the item without naming its content; then <see cref="Hash"/> does not show whether it differs.</summary>
    public bool IsDelistingById { get; init; }
}
