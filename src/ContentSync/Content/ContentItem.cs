namespace ContentSync.Content;

/// <summary>One content that a caller wants shown in AlipayHK, validated. Only a reader that checked it makes one.</summary>
public sealed record ContentItem
{
    /// <summary>The caller's own id of the content, the key of AlipayHK's upsert. Compared by ordinal, case matters.</summary>
    public required string ContentId { get; init; }

    /// <summary>One of the configured types, as AlipayHK spells it (SKU, MOVIE).</summary>
    public required string ContentType { get; init; }

    public required ContentStatus ContentStatus { get; init; }

    /// <summary>
    /// UTF-8 text of one JSON object: the value of the wire's <c>contentInfo</c> string before JSON string escaping.
    /// Verbatim where the caller gave a string; without insignificant white space where the caller gave an object.
    /// </summary>
    public required ReadOnlyMemory<byte> ContentInfo { get; init; }

    /// <summary>Over the canonical form, computed once when the item was read.</summary>
    public required ContentHash Hash { get; init; }

    /// <summary>From the caller's <c>revision</c> or <c>occurredAt</c>; null where the caller gave neither.</summary>
    public Revision? Revision { get; init; }
}
