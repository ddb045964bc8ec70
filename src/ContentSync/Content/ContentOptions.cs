namespace ContentSync.Content;

/// <summary>Content types and limits of items: settings section <c>Content</c>.</summary>
public sealed class ContentOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Content";

    /// <summary>
    /// Highest <see cref="MaxContentIdLength"/>, in characters: every id of this length fits into a table ledger's key. ASCII letters, digits,
    /// - _ and . take one fifth of the space of any other character.
    /// </summary>
    public const int ContentIdLengthLimit = 102;

    /// <summary>
    /// Highest <see cref="MaxContentInfoBytes"/>: every body of this size fits into a table ledger's entity (1 MiB). JSON escaping expands
    /// one byte to six at most, and the rest of the request takes far less than the remaining space.
    /// </summary>
    public const int ContentInfoBytesLimit = 120 * 1024;

    /// <summary>
    /// The contentType values that AlipayHK agreed with this partner, compared exactly. AlipayHK documents SKU, and MOVIE in its
    /// responses; the values for other industries come from AlipayHK.
    /// </summary>
    public IList<string> ContentTypes { get; init; } = ["SKU", "MOVIE"];

    /// <summary>
    /// Max characters in a contentId. AlipayHK documents no limit, but echoes the id inside a JSON string of max 1,024 characters, so
    /// ids should be short.
    /// </summary>
    public int MaxContentIdLength { get; set; } = 64;

    /// <summary>Max UTF-8 bytes in contentInfo.</summary>
    public int MaxContentInfoBytes { get; set; } = 48 * 1024;

    /// <summary>Max nesting in contentInfo; its own object is level 1.</summary>
    public int MaxContentInfoDepth { get; set; } = 16;

    /// <summary>
    /// Max characters (UTF-16 code units) in one string or member name inside contentInfo. AlipayHK documents no limit for one text, so by
    /// default only <see cref="MaxContentInfoBytes"/> limits it.
    /// </summary>
    public int MaxTextLength { get; set; } = 48 * 1024;

    /// <summary>Max UTF-8 bytes of a whole item as the caller sends it.</summary>
    public int MaxItemBytes { get; set; } = 128 * 1024;

    /// <summary>What happens to an item that AlipayHK shows when a newer version of it is not valid.</summary>
    public RefusedVersionPolicy RefusedVersions { get; set; } = RefusedVersionPolicy.Keep;

    /// <summary>
    /// Folder with one JSON Schema per content type, named <c>{contentType}.schema.json</c>; null or empty for none. Items of a type
    /// without a file are not checked against a schema.
    /// </summary>
    public string? SchemaDirectory { get; set; }
}
