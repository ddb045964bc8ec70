using System.Text.Json;

namespace ContentSync.Mapping;

/// <summary>Kinds of warnings about a mapped item: valid, and probably not what its owner wants shown.</summary>
public enum LintKind
{
    /// <summary>A text contains an entity such as <c>&amp;amp;</c>.</summary>
    HtmlEntity,

    /// <summary>A text contains a tag such as <c>&lt;br&gt;</c>.</summary>
    HtmlTag,

    /// <summary>A text contains control characters, or characters without width.</summary>
    InvisibleCharacter,

    /// <summary>A text was decoded with another encoding than it was written with.</summary>
    WrongEncoding,

    /// <summary>All letters of a text are capitals.</summary>
    AllCapitals,

    /// <summary>A text was shortened, here or before it reached the feed.</summary>
    TruncatedText,

    /// <summary>A text has no character of its field's language.</summary>
    MissingLanguage,

    /// <summary>An address does not start with https.</summary>
    InsecureUrl,

    /// <summary>A price is zero.</summary>
    ZeroPrice,

    /// <summary>Another item has the same title.</summary>
    DuplicateTitle,
}

/// <summary>The kinds as a mapping file and reports write them: <c>html-entity</c>.</summary>
public static class LintKinds
{
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<LintKind>().Select(NameOf)];

    public static string NameOf(LintKind kind) => JsonNamingPolicy.KebabCaseLower.ConvertName(kind.ToString());

    public static bool TryParse(string name, out LintKind kind)
    {
        var index = Names.ToList().IndexOf(name);
        kind = (LintKind)Math.Max(0, index);
        return index >= 0;
    }
}
