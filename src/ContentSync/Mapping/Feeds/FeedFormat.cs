using System.Text;

namespace ContentSync.Mapping.Feeds;

/// <summary>The file format of a feed.</summary>
public enum FeedFormat
{
    /// <summary>Separated values with a header line (RFC 4180): comma, tab, semicolon or vertical bar.</summary>
    Csv,

    /// <summary>One JSON object per line.</summary>
    Ndjson,

    /// <summary>One JSON document that holds an array of objects.</summary>
    Json,

    /// <summary>RSS 2.0 or Atom, with Google's <c>g:</c> names; or any XML with one element per record.</summary>
    Xml,
}

/// <summary>How to read a feed. A member that is null is detected.</summary>
public sealed record FeedLayout
{
    public FeedFormat? Format { get; init; }

    /// <summary>Between the cells of a <see cref="FeedFormat.Csv"/> feed.</summary>
    public char? Separator { get; init; }

    /// <summary>A name that the runtime knows, such as utf-8, big5, gb18030 or windows-1252.</summary>
    public string? Encoding { get; init; }

    /// <summary>JSON: pointer to the array (RFC 6901). XML: local name of the element that is one record.</summary>
    public string? Records { get; init; }
}

/// <summary>How a feed is read, after detection.</summary>
/// <param name="Format">Its format.</param>
/// <param name="Separator">Between cells; a comma if the format has no cells.</param>
/// <param name="Encoding">Of its text.</param>
/// <param name="IsEncodingGuessed">The text is not UTF-8 and names no encoding, so the encoding is likely and not certain.</param>
/// <param name="IsGzip">Compressed.</param>
/// <param name="Records">See <see cref="FeedLayout.Records"/>.</param>
public sealed record FeedShape(FeedFormat Format, char Separator, Encoding Encoding, bool IsEncodingGuessed, bool IsGzip, string? Records)
{
    /// <summary>For reports: <c>csv, separator tab, encoding utf-8, gzip</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Format.ToString().ToLowerInvariant());
        if (Format == FeedFormat.Csv) text.Append(", separator ").Append(Separator == '\t' ? "tab" : $"'{Separator}'");
        text.Append(", encoding ").Append(Encoding.WebName);
        if (IsEncodingGuessed) text.Append(" (guessed; set \"encoding\" if text looks wrong)");
        if (IsGzip) text.Append(", gzip");
        if (Records is not null) text.Append(", records ").Append(Records);
        return text.ToString();
    }
}

/// <summary>Limits of a feed.</summary>
public static class FeedLimits
{
    /// <summary>Max characters of one record, in CSV and XML, or bytes, in JSON. A longer one usually has a quote that is not closed.</summary>
    public const int MaxRecordLength = 1024 * 1024;

    /// <summary>Max columns of a CSV feed, and max distinct elements of an XML record.</summary>
    public const int MaxFields = 1_000;

    /// <summary>How much of a feed is inspected to detect its format, in bytes.</summary>
    public const int DetectionBytes = 64 * 1024;
}
