namespace ContentSync.Content;

/// <summary>A sound item, as far as it takes to see whether it differs from what is known of it.</summary>
/// <param name="contentId">In UTF-8. Valid until the next item is read.</param>
/// <param name="hash">Over the canonical form.</param>
/// <param name="contentStatus">Listed or not.</param>
/// <param name="revision">The caller's own; null where the item brings none.</param>
internal readonly ref struct ContentDigest(ReadOnlySpan<byte> contentId, ContentHash hash, ContentStatus contentStatus, Revision? revision)
{
    /// <inheritdoc cref="ContentDigest(ReadOnlySpan{byte}, ContentHash, ContentStatus, Revision?)" path="/param[@name='contentId']"/>
    public ReadOnlySpan<byte> ContentId { get; } = contentId;

    public ContentHash Hash { get; } = hash;

    public ContentStatus ContentStatus { get; } = contentStatus;

    /// <inheritdoc cref="ContentDigest(ReadOnlySpan{byte}, ContentHash, ContentStatus, Revision?)" path="/param[@name='revision']"/>
    public Revision? Revision { get; } = revision;
}
