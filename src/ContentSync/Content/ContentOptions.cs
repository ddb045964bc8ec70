namespace ContentSync.Content;

/// <summary>What content is let in. Section <c>Content</c> of the settings.</summary>
public sealed class ContentOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Content";

    /// <summary>The contentType values AlipayHK agreed with this partner, compared exactly. AlipayHK documents SKU, and MOVIE in its answers; other industries' literals are theirs to name.</summary>
    public IList<string> ContentTypes { get; init; } = ["SKU", "MOVIE"];

    /// <summary>Most characters in a contentId. AlipayHK documents no limit; it echoes the id inside a JSON string of at most 1,024 characters, so ids should be short.</summary>
    public int MaxContentIdLength { get; set; } = 64;

    /// <summary>Most UTF-8 bytes in contentInfo.</summary>
    public int MaxContentInfoBytes { get; set; } = 48 * 1024;

    /// <summary>Deepest nesting in contentInfo; its own object is level 1.</summary>
    public int MaxContentInfoDepth { get; set; } = 16;

    /// <summary>Most characters (UTF-16 code units) in one text inside contentInfo.</summary>
    public int MaxTextLength { get; set; } = 8_192;

    /// <summary>Most UTF-8 bytes of one whole item as the caller sends it.</summary>
    public int MaxItemBytes { get; set; } = 128 * 1024;

    /// <summary>How far ahead of the clock an occurredAt may lie before it is refused: a revision from the far future would shut out every later one.</summary>
    public TimeSpan MaxOccurredAtAhead { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Folder with one JSON Schema per content type, named <c>{contentType}.schema.json</c>; null or empty for none. A type without a file is not checked against a schema.</summary>
    public string? SchemaDirectory { get; set; }
}
