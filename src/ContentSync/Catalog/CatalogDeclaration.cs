using System.Globalization;
using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>
/// What an export says about its catalog: as of when it is, and how to tell that it is complete. In a line of the catalog as
/// <c>{"catalog":{"asOf":"2026-11-27T09:00:00Z","items":3000}}</c>; the same inner object in the side file; by name in blob metadata.
/// </summary>
public sealed record CatalogDeclaration
{
    /// <summary>Name of the only member of a line that describes the catalog.</summary>
    public const string LineMember = "catalog";

    /// <summary>Appended to the name of a catalog file, the name of the file that describes it.</summary>
    public const string SideFileSuffix = ".meta.json";

    /// <summary>The form of an as-of time, for messages.</summary>
    public const string ExpectedTime = ZonedTime.Expected;

    private const string AsOfName = "asOf";
    private const string ItemsName = "items";
    private const string Sha256Name = "sha256";
    private const string MappingMember = "mapping";
    private const int Sha256Digits = 64;

    /// <summary>The time that the catalog's lines count as changed at.</summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>Number of its lines or elements, valid or not, without blank lines and lines that describe the catalog.</summary>
    public long? Items { get; init; }

    /// <summary>SHA-256 of the bytes as stored, packed or not, in 64 hex digits.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Name of the mapping that makes items of its records, in blob metadata only; null if it is in our own form.</summary>
    public string? Mapping { get; init; }

    /// <summary>Whether it lets a reader tell that the catalog is complete.</summary>
    public bool ProvesCompleteness => Items is not null || Sha256 is not null;

    /// <summary>Reads blob metadata; names are compared without regard to case, others are ignored.</summary>
    /// <param name="metadata">All metadata of the blob.</param>
    /// <param name="place">Where it is, as the subject of a sentence.</param>
    /// <exception cref="CatalogFormatException">A value is not valid.</exception>
    public static CatalogDeclaration? OfMetadata(IEnumerable<KeyValuePair<string, string>>? metadata, string place)
    {
        var declaration = new CatalogDeclaration();
        foreach (var (name, value) in metadata ?? [])
        {
            if (name.Equals(AsOfName, StringComparison.OrdinalIgnoreCase))
                declaration = declaration with { AsOf = Time(value, place) };
            else if (name.Equals(ItemsName, StringComparison.OrdinalIgnoreCase))
                declaration = declaration with { Items = Count(value, place) };
            else if (name.Equals(Sha256Name, StringComparison.OrdinalIgnoreCase))
                declaration = declaration with { Sha256 = Digest(value, place) };
            else if (name.Equals(MappingMember, StringComparison.OrdinalIgnoreCase))
                declaration = declaration with { Mapping = value };
        }

        return declaration == new CatalogDeclaration() ? null : declaration;
    }

    /// <summary>Reads a side file.</summary>
    /// <exception cref="CatalogFormatException">It is not one JSON object with these members.</exception>
    public static CatalogDeclaration OfSideFile(ReadOnlyMemory<byte> json, string place)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement, place);
        }
        catch (JsonException e)
        {
            throw Fault(place, "it is not one JSON object", e);
        }
    }

    /// <summary>Reads a time with a zone.</summary>
    public static bool TryReadTime(string text, out DateTimeOffset time) => ZonedTime.TryParse(text, out time);

    /// <summary>Whether a text starts like a line that describes the catalog. Cheap, for every line of a catalog.</summary>
    internal static bool LooksLikeOne(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] != '{') return false;
        var rest = text[1..];
        if (!rest.IsEmpty && rest[0] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') rest = rest.TrimStart(" \t\r\n"u8);
        return rest.StartsWith("\"catalog\""u8);
    }

    /// <summary>Reads a line that describes the catalog; null if it is an item, which has other members too.</summary>
    /// <exception cref="CatalogFormatException">It describes the catalog, but not correctly.</exception>
    internal static CatalogDeclaration? OfLine(ReadOnlyMemory<byte> text, string place)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return OfLine(document.RootElement, place);
        }
        catch (JsonException)
        {
            // The reader of items reports it.
            return null;
        }
    }

    /// <inheritdoc cref="OfLine(ReadOnlyMemory{byte}, string)"/>
    internal static CatalogDeclaration? OfLine(JsonElement line, string place)
    {
        if (line.ValueKind != JsonValueKind.Object || line.GetPropertyCount() != 1) return null;
        return line.TryGetProperty(LineMember, out var catalog) ? Read(catalog, place) : null;
    }

    /// <exception cref="CatalogFormatException">The value is not a time with a zone.</exception>
    private static DateTimeOffset Time(string? text, string place) => ZonedTime.TryParse(text ?? "", out var time)
        ? time
        : throw Fault(place, $"{AsOfName} must be {ZonedTime.Expected}");

    /// <summary>Whether a text has the form of a SHA-256.</summary>
    internal static bool IsSha256(string text) => text.Length == Sha256Digits && text.All(char.IsAsciiHexDigit);

    /// <exception cref="CatalogFormatException">The value is not a SHA-256.</exception>
    private static string Digest(string? text, string place) => text is not null && IsSha256(text)
        ? text.ToLowerInvariant()
        : throw Fault(place, $"{Sha256Name} must be {Sha256Digits} hex digits");

    private static CatalogDeclaration Read(JsonElement json, string place)
    {
        if (json.ValueKind != JsonValueKind.Object) throw Fault(place, "it must be a JSON object");
        var declaration = new CatalogDeclaration();
        foreach (var member in json.EnumerateObject())
        {
            declaration = member.Name switch
            {
                AsOfName => declaration with { AsOf = Time(member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString() : null, place) },
                ItemsName => declaration with { Items = Count(member.Value.ToString(), place) },
                Sha256Name => declaration with
                {
                    Sha256 = Digest(member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString() : null, place),
                },
                _ => throw Fault(place, $"it has the unknown member '{member.Name}'; the members are {AsOfName}, {ItemsName} and {Sha256Name}"),
            };
        }

        return declaration;
    }

    private static long Count(string text, string place) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count
            : throw Fault(place, $"{ItemsName} must be the number of items, 0 or more");

    private static CatalogFormatException Fault(string place, string fault, Exception? innerException = null) =>
        new($"{place} does not describe a catalog: {fault}.", 1, 0, innerException);
}
