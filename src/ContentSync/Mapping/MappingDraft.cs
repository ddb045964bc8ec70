using System.Text;
using System.Text.Json;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping.Feeds;

namespace ContentSync.Mapping;

/// <summary>
/// What a feed holds, and a mapping to start from. The target fields are the shop's usual ones: AlipayHK's own table replaces them.
/// </summary>
/// <param name="Shape">How the feed is read.</param>
/// <param name="Records">Number of records that were inspected.</param>
/// <param name="Fields">The fields found, with how many records have a value and a first value, shortened.</param>
/// <param name="Mapping">The drafted mapping file: JSON.</param>
public sealed record MappingDraft(string Shape, int Records, IReadOnlyList<(string Name, int Filled, string Example)> Fields, string Mapping)
{
    /// <summary>Max records that are inspected.</summary>
    public const int MaxRecords = 1_000;

    private static readonly (string Target, string[] Sources, string Rule)[] Guesses =
    [
        ("name", ["title", "name", "product title", "product name"],
            "\"value\": \"{{ FIELD | entities | squeeze }}\", \"required\": true, \"maxLength\": 120, \"tooLong\": \"truncate\""),
        ("description", ["description", "body (html)", "body html", "short description", "content"],
            "\"value\": \"{{ FIELD | html_text }}\", \"maxLength\": 2000, \"tooLong\": \"truncate\""),
        ("price", ["price", "variant price", "regular price", "unit price"],
            "\"source\": \"FIELD\", \"type\": \"money\", \"unit\": \"cents\", \"required\": true"),
        ("salePrice", ["sale_price", "sale price"], "\"source\": \"FIELD\", \"type\": \"money\", \"unit\": \"cents\""),
        ("image", ["image_link", "image link", "image src", "image", "images"], "\"value\": \"{{ FIELD | absolute_url }}\", \"type\": \"url\""),
        ("url", ["link", "url", "permalink"], "\"value\": \"{{ FIELD | absolute_url }}\", \"type\": \"url\""),
        ("brand", ["brand", "vendor", "manufacturer"], "\"source\": \"FIELD\""),
        ("category", ["product_type", "product type", "google_product_category", "category", "categories", "type"], "\"source\": \"FIELD\""),
    ];

    private static readonly string[] Ids = ["id", "variant sku", "sku", "product_id", "item_id", "contentid", "handle", "code"];

    private static readonly string[] Shared =
        ["Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Status", "Image Src"];

    /// <summary>Inspects the start of a feed.</summary>
    /// <exception cref="CatalogFormatException">The feed is broken, or has no records.</exception>
    public static async Task<MappingDraft> InspectAsync(Stream feed, FeedLayout layout, CancellationToken cancellationToken)
    {
        var start = await PrefixedStream.PeekAsync(feed, FeedLimits.DetectionBytes, cancellationToken).ConfigureAwait(false);
        layout = layout with { Records = layout.Records ?? PointerToArray(start.Span) };
        FeedShape? shape = null;
        var fields = new Dictionary<string, (int Filled, string Example)>(StringComparer.Ordinal);
        var reader = new FeedReader(layout)
        {
            OnShape = found => shape = found,
            OnHeader = header => header.Names.ToList().ForEach(name => fields.TryAdd(name, (0, ""))),
        };
        var records = 0;
        await foreach (var record in reader.ReadAsync(new PrefixedStream(start, feed), cancellationToken).ConfigureAwait(false))
        {
            foreach (var name in record.Fields?.Names ?? [])
            {
                var (filled, example) = fields.GetValueOrDefault(name, (0, ""));
                if (filled == 0) example = Excerpt.Of(record.Fields!.Get(name).ToStringValue());
                fields[name] = (filled + 1, example);
            }

            if (++records == MaxRecords) break;
        }

        if (shape is null || records == 0) throw FeedFault.At(1, "The feed has no records; a feed starts with a header line, or is JSON or XML");
        return new MappingDraft(
            shape.ToString(),
            records,
            [.. fields.Select(field => (field.Key, field.Value.Filled, field.Value.Example))],
            Draft(shape, [.. fields.Keys]));
    }

    private static string Draft(FeedShape shape, List<string> names)
    {
        var text = new StringBuilder("{\n");
        Line($"\"format\": \"{JsonNamingPolicy.CamelCase.ConvertName(shape.Format.ToString())}\",");
        if (shape.Format == FeedFormat.Csv) Line($"\"separator\": {Quoted(shape.Separator.ToString())},");
        if (shape.Format != FeedFormat.Xml) Line($"\"encoding\": \"{shape.Encoding.WebName}\",");
        if (shape.Records is { } records) Line($"\"records\": {Quoted(records)},");
        var shared = Shared.Where(names.Contains).ToList();
        if (names.Contains("Handle") && shared.Count > 0)
            Line($"\"fill\": {{ \"by\": \"Handle\", \"fields\": [{string.Join(", ", shared.Select(Quoted))}] }},");
        if (names.Contains("Handle") && names.Contains("Variant Price"))
            Line("\"select\": [\"record['Variant Price'] != blank\"],");
        var id = Find(names, Ids);
        Line(id is null
            ? "\"contentId\": \"{{ name the field with the id here }}\","
            : $"\"contentId\": {Quoted($"{{{{ {Reference(id)} | strip }}}}")},");
        Line("\"contentType\": \"SKU\",");
        if (Find(names, ["availability"]) is { } availability)
        {
            var condition = $"{Reference(availability)} == 'out of stock' or {Reference(availability)} == 'out_of_stock'";
            Line($"\"contentStatus\": [{{ \"when\": {Quoted(condition)}, \"status\": 0 }}],");
        }

        var guesses = Guesses
            .Select(guess => (guess.Target, guess.Rule, Source: Find(names, guess.Sources)))
            .Where(guess => guess.Source is not null)
            .Select(guess => $"    \"{guess.Target}\": {{ {Rule(guess.Rule, guess.Source!)} }}");
        Line($"\"fields\": {{\n{string.Join(",\n", guesses)}\n  }}");
        return text.Append("}\n").ToString();

        void Line(string line) => text.Append("  ").Append(line).Append('\n');
    }

    private static string Rule(string rule, string field) => rule.Contains("{{", StringComparison.Ordinal)
        ? rule.Replace("FIELD", Quoted(Reference(field))[1..^1], StringComparison.Ordinal)
        : rule.Replace("\"FIELD\"", Quoted(field), StringComparison.Ordinal);

    private static string? Find(List<string> names, string[] candidates) =>
        candidates.Select(candidate => names.Find(name => Same(name, candidate))).FirstOrDefault(name => name is not null);

    private static bool Same(string name, string candidate) => FeedHeader.IdentifierOf(name) == FeedHeader.IdentifierOf(candidate);

    // A CSV column is also found by its identifier; any other field only by its own name.
    private static string Reference(string name)
    {
        var identifier = FeedHeader.IdentifierOf(name);
        return identifier == name && identifier.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && char.IsAsciiLetter(identifier[0])
            ? name
            : $"record['{name}']";
    }

    private static string Quoted(string text) => JsonSerializer.Serialize(text, DraftJson.Relaxed.String);

    /// <summary>The pointer to the first array of objects in a document; null if it starts with one, or has none so far.</summary>
    private static string? PointerToArray(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith(Encoding.UTF8.Preamble)) start = start[Encoding.UTF8.Preamble.Length..];
        if (start.TrimStart(" \t\r\n"u8) is not [(byte)'{', ..]) return null;
        var reader = new Utf8JsonReader(start, isFinalBlock: false, default);
        var path = new List<string>();
        var isArray = false;
        try
        {
            while (reader.Read() && reader.CurrentDepth < 8)
            {
                if (isArray && reader.TokenType == JsonTokenType.StartObject)
                    return path.Aggregate("", JsonPointer.Of);
                isArray = reader.TokenType == JsonTokenType.StartArray;
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                path.RemoveRange(Math.Min(path.Count, reader.CurrentDepth - 1), Math.Max(0, path.Count - (reader.CurrentDepth - 1)));
                path.Add(reader.GetString()!);
            }
        }
        catch (JsonException)
        {
            // NDJSON, or broken: reading it reports which.
        }

        return null;
    }
}

/// <summary>Writes texts as JSON without escaping what need not be.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class DraftJson : System.Text.Json.Serialization.JsonSerializerContext
{
    public static DraftJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
