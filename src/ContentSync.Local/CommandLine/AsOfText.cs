using ContentSync.Catalog;

namespace ContentSync.Local.CommandLine;

/// <summary>Says as of when a catalog is, and how that is known.</summary>
internal static class AsOfText
{
    public static string Of(DateTimeOffset asOf, AsOfSource source) => FormattableString.Invariant($"The catalog is as of {asOf:u} ({Of(source)}).");

    private static string Of(AsOfSource source) => source switch
    {
        AsOfSource.Option => "given with --as-of",
        AsOfSource.FirstLine => "from its first line",
        AsOfSource.Metadata => "from its metadata",
        AsOfSource.SideFile => "from the file beside it",
        _ => "when it was written; give another time with --as-of",
    };
}
