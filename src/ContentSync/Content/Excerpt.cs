using System.Globalization;
using System.Text;

namespace ContentSync.Content;

/// <summary>
/// Shortens a caller's text so that it is safe to print: control, format and line-breaking characters, such as right-to-left
/// overrides, become escapes.
/// </summary>
internal static class Excerpt
{
    private const int MaxCharacters = 40;

    public static string Of(ReadOnlySpan<byte> utf8)
    {
        var start = utf8.Length <= 4 * MaxCharacters ? utf8 : utf8[..(4 * MaxCharacters)];
        return Of(Encoding.UTF8.GetString(start));
    }

    public static string Of(string text, int maxCharacters = MaxCharacters)
    {
        var excerpt = new StringBuilder();
        var shown = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown++ == maxCharacters) return excerpt.Append("...").ToString();
            if (IsPrintable(rune)) excerpt.Append(rune);
            else excerpt.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}");
        }

        return excerpt.ToString();
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned);
}
