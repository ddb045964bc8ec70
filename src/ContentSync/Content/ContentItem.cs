namespace ContentSync.Content;

/// <summary>A validated item. Only the reader that validated it creates one.</summary>
public sealed record ContentItem
{
    /// <summary>The caller's id of the item, and the key of AlipayHK's upsert. Compared ordinally; case matters.</summary>
    public required string ContentId { get; init; }

    /// <summary>One of the configured content types, as AlipayHK spells it (SKU, MOVIE). Empty if a delisting by id names none.</summary>
    public required string ContentType { get; init; }

    public required ContentStatus ContentStatus { get; init; }

    /// <summary>
    /// UTF-8 text of one JSON object: the value of the wire's <c>contentInfo</c> string before JSON escaping. Verbatim if the caller
    /// sent a string; without insignificant white space if the caller sent an object. Empty for a delisting by id.
    /// </summary>
    public required ReadOnlyMemory<byte> ContentInfo { get; init; }

    /// <summary>Hash of the canonical form, computed when the item was read.</summary>
    public required ContentHash Hash { get; init; }

    /// <summary>The caller's <c>revision</c>; null if it sent none.</summary>
    public long? Number { get; init; }

    /// <summary>The caller's <c>occurredAt</c>; null if it sent none. Never set together with <see cref="Number"/>.</summary>
    public DateTimeOffset? OccurredAt { get; init; }

    /// <summary>Whether it delists the item without naming its content; see <see cref="Delisting"/>.</summary>
    public bool IsDelistingById => ContentInfo.IsEmpty;
}
