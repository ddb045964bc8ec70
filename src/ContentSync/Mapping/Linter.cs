using System.Text;
using System.Text.RegularExpressions;

namespace ContentSync.Mapping;

/// <summary>Finds what is probably wrong with a mapped value.</summary>
internal static partial class Linter
{
    private const int MinCapitals = 8;

    public static IEnumerable<LintKind> Text(string text, FieldRule field)
    {
        if (text.Contains('&', StringComparison.Ordinal) && Entity().IsMatch(text)) yield return LintKind.HtmlEntity;
        if (text.Contains('<', StringComparison.Ordinal) && Tag().IsMatch(text)) yield return LintKind.HtmlTag;
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') is not (>= 0 and var other))
        {
            if (HasOnlyCapitals(text)) yield return LintKind.AllCapitals;
            if (text.EndsWith("...", StringComparison.Ordinal)) yield return LintKind.TruncatedText;
        }
        else
        {
            if (text.AsSpan(other).IndexOfAny(Invisible) >= 0) yield return LintKind.InvisibleCharacter;
            if (text.Contains('\uFFFD', StringComparison.Ordinal) || Mojibake().IsMatch(text)) yield return LintKind.WrongEncoding;
            if (HasOnlyCapitals(text)) yield return LintKind.AllCapitals;
            if (text.EndsWith("...", StringComparison.Ordinal) || text.EndsWith('…')) yield return LintKind.TruncatedText;
        }

        if (field.Locale is { } locale && IsMissing(locale, text)) yield return LintKind.MissingLanguage;
    }

    public static bool IsInsecure(string url) => !url.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    // Tab, line feed and carriage return are visible as white space.
    private static System.Buffers.SearchValues<char> Invisible { get; } = System.Buffers.SearchValues.Create(
        "\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u000B\u000C\u000E\u000F\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018"
        + "\u0019\u001A\u001B\u001C\u001D\u001E\u001F\u007F\u00AD\u200B\u200C\u200D\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2060\uFEFF");

    private static bool HasOnlyCapitals(string text)
    {
        var capitals = 0;
        foreach (var c in text)
        {
            if (char.IsLower(c)) return false;
            if (char.IsUpper(c)) capitals++;
        }

        return capitals >= MinCapitals;
    }

    private static bool IsMissing(string locale, string text)
    {
        var isChinese = locale.StartsWith("zh", StringComparison.OrdinalIgnoreCase);
        var isEnglish = locale.StartsWith("en", StringComparison.OrdinalIgnoreCase);
        if (!isChinese && !isEnglish) return false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (isChinese && IsHan(rune)) return false;
            if (isEnglish && rune.IsAscii && char.IsAsciiLetter((char)rune.Value)) return false;
        }

        return true;
    }

    private static bool IsHan(Rune rune) => rune.Value is (>= 0x3400 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF);

    [GeneratedRegex(@"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[0-9a-fA-F]{1,6});")]
    private static partial Regex Entity();

    [GeneratedRegex("</?[a-zA-Z][a-zA-Z0-9]*(?:\\s[^<>]*)?/?>")]
    private static partial Regex Tag();

    // UTF-8 read as windows-1252: a lead byte as a letter, then a trail byte as a symbol.
    [GeneratedRegex("[\u00C3\u00C2][\u0080-\u00BF]|\u00E2\u20AC|[\u00E3-\u00E9][\u0080-\u00BF\u2018-\u2026][\u0080-\u00BF]")]
    private static partial Regex Mojibake();
}
