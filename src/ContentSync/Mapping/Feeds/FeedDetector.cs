using System.Text.Json;
using ContentSync.Catalog;

namespace ContentSync.Mapping.Feeds;

/// <summary>Detects how a feed is to be read from its first bytes.</summary>
internal static class FeedDetector
{
    private static readonly char[] Separators = ['\t', ',', ';', '|'];

    /// <param name="start">Up to <see cref="FeedLimits.DetectionBytes"/>, uncompressed.</param>
    /// <param name="layout">What is given and need not be detected.</param>
    /// <param name="isGzip">Whether the feed was compressed.</param>
    /// <exception cref="CatalogFormatException">Not a feed, or an encoding that does not exist.</exception>
    public static FeedShape Detect(ReadOnlySpan<byte> start, FeedLayout layout, bool isGzip)
    {
        if (start is [(byte)'P', (byte)'K', 3, 4, ..])
            throw FeedFault.At(1, "The file is a zip archive or an Excel workbook; save it as CSV, or compress the feed with gzip instead");
        var (encoding, isGuessed) = layout.Encoding is { } name ? (Named(name), false) : FeedEncoding.Detect(start);
        var text = encoding.GetString(start).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        var format = layout.Format ?? FormatOf(text, layout.Records);
        if (format == FeedFormat.Xml) isGuessed = false;
        var separator = format == FeedFormat.Csv ? layout.Separator ?? SeparatorOf(text) : ',';
        return new FeedShape(format, separator, encoding, isGuessed, isGzip, layout.Records);
    }

    private static System.Text.Encoding Named(string name) => FeedEncoding.Find(name)
        ?? throw FeedFault.At(1, $"There is no encoding '{name}'; name one such as utf-8, big5, gb18030 or windows-1252");

    private static FeedFormat FormatOf(string text, string? records) => text switch
    {
        ['<', ..] => FeedFormat.Xml,
        ['[', ..] => FeedFormat.Json,
        ['{', ..] => records is null && IsObjectOnOneLine(text) ? FeedFormat.Ndjson : FeedFormat.Json,
        _ => FeedFormat.Csv,
    };

    // A document on a single line, with nothing after it, is one record or a document with an array inside.
    private static bool IsObjectOnOneLine(string text)
    {
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(end < 0 ? text : text[..end]);
            return end >= 0 && text.AsSpan(end).TrimStart() is [] or ['{', ..] || !document.RootElement.EnumerateObject().Any(IsArrayOfObjects);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsArrayOfObjects(JsonProperty member) =>
        member.Value.ValueKind == JsonValueKind.Array
        && member.Value.GetArrayLength() > 0
        && member.Value.EnumerateArray().All(element => element.ValueKind == JsonValueKind.Object);

    private static char SeparatorOf(string text)
    {
        var counts = new int[Separators.Length];
        var isQuoted = false;
        foreach (var c in text)
        {
            if (c == '"') isQuoted = !isQuoted;
            if (isQuoted) continue;
            if (c is '\r' or '\n') break;
            var separator = Array.IndexOf(Separators, c);
            if (separator >= 0) counts[separator]++;
        }

        var most = counts.Max();
        return most == 0 ? ',' : Separators[Array.IndexOf(counts, most)];
    }
}

/// <summary>Faults of a feed as a whole.</summary>
internal static class FeedFault
{
    /// <summary>An exception whose message ends with the line. <see cref="CatalogFormatException.ByteOffset"/> is not known and 0.</summary>
    public static CatalogFormatException At(long line, string sentence, Exception? cause = null) =>
        new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{sentence.TrimEnd('.')} (line {line:N0})."), line, 0, cause);
}
