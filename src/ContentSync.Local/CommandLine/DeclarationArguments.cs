using System.CommandLine;
using System.CommandLine.Parsing;
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
        CustomParser = ParseTime,
    };

    private readonly Option<long?> _expectItems = new("--expect-items")
    {
        Description = "Refuse the catalog unless it holds exactly this many items.",
        HelpName = "N",
    };

    private readonly Option<string?> _expectSha256 = new("--expect-sha256")
    {
        Description = "Refuse the catalog unless its bytes have this SHA-256.",
        HelpName = "HEX",
    };

    public void AddTo(Command command)
    {
        _expectItems.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long?>() is < 0) result.AddError("--expect-items must be the number of items, 0 or more.");
        });
        _expectSha256.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && (text.Length != Sha256Digits || !text.All(char.IsAsciiHexDigit)))
                result.AddError($"--expect-sha256 must be {Sha256Digits} hex digits.");
        });
        foreach (var option in new Option[] { _asOf, _expectItems, _expectSha256 }) command.Options.Add(option);
    }

    public CatalogDeclaration Read(ParseResult parsed) => new()
    {
        AsOf = parsed.GetValue(_asOf),
        Items = parsed.GetValue(_expectItems),
        Sha256 = parsed.GetValue(_expectSha256)?.ToLowerInvariant(),
    };

    private static DateTimeOffset? ParseTime(ArgumentResult result)
    {
        if (CatalogDeclaration.TryReadTime(result.Tokens[0].Value, out var time)) return time;
        result.AddError($"--as-of must be {CatalogDeclaration.ExpectedTime}, not '{result.Tokens[0].Value}'.");
        return null;
    }
}
