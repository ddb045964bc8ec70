namespace ContentSync.Content;

/// <summary>The members of a valid item that show whether it differs from the ledger.</summary>
/// <param name="contentId">In UTF-8. Valid until the next item is read.</param>
/// <param name="hash">Hash of the canonical form.</param>
/// <param name="contentStatus">Listed or delisted.</param>
/// <param name="revision">The caller's revision; null if the item has none.</param>
internal readonly ref struct ContentDigest(ReadOnlySpan<byte> contentId, ContentHash hash, ContentStatus contentStatus, Revision? revision)
{
    /// <inheritdoc cref="ContentDigest(ReadOnlySpan{byte}, ContentHash, ContentStatus, Revision?)" path="/param[@name='contentId']"/>
    public ReadOnlySpan<byte> ContentId { get; } = contentId;

    public ContentHash Hash { get; } = hash;

    public ContentStatus ContentStatus { get; } = contentStatus;

    /// <inheritdoc cref="ContentDigest(ReadOnlySpan{byte}, ContentHash, ContentStatus, Revision?)" path="/param[@name='revision']"/>
    public Revision? Revision { get; } = revision;
}
