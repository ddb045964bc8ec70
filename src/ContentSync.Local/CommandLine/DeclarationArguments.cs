using System.CommandLine;
using ContentSync.Catalog;

namespace ContentSync.Local.CommandLine;

/// <summary>The options that say as of when a catalog is, and how to tell that it is complete.</summary>
internal sealed class DeclarationArguments
{
    private const int Sha256Digits = 64;

    private readonly Option<DateTimeOffset?> _asOf = new("--as-of")
    {
        Description = "When the catalog was exported; its lines count as changed then. Default: what its first line or FILE.meta.json says, else the "
            + "time the file was written.",
        HelpName = "TIME",
        CustomParser = OptionValue.ZonedTime(),
    };

    private readonly Option<long?> _expectItems = new("--expect-items")
    {
        Description = "Refuse the catalog unless it holds exactly this many items.",
        HelpName = "N",
        CustomParser = OptionValue.OptionalCount("of items"),
    };

    private readonly Option<string?> _expectSha256 = new("--expect-sha256")
    {
        Description = "Refuse the catalog unless its bytes have this SHA-256.",
        HelpName = "HEX",
        CustomParser = OptionValue.Text(
            text => text.Length == Sha256Digits && text.All(char.IsAsciiHexDigit), $"the SHA-256 of the file in {Sha256Digits} hex digits"),
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _asOf, _expectItems, _expectSha256 }) command.Options.Add(option);
    }

    public CatalogDeclaration Read(ParseResult parsed) => new()
    {
        AsOf = parsed.GetValue(_asOf),
        Items = parsed.GetValue(_expectItems),
        Sha256 = parsed.GetValue(_expectSha256)?.ToLowerInvariant(),
    };
}
