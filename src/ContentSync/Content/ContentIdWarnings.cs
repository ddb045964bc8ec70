using System.Globalization;
using System.Text;

namespace ContentSync.Content;

/// <summary>
/// Finds contentIds that are valid but probably not what the caller meant. AlipayHK and the ledger compare ids exactly, so each of them is an
/// item of its own, and a reader does not see the difference.
/// </summary>
internal static class ContentIdWarnings
{
    private const string Pointer = "/contentId";

    /// <returns>Null if there is none.</returns>
    public static List<ContentViolation>? Of(string contentId)
    {
        List<ContentViolation>? warnings = null;
        foreach (var rune in contentId.EnumerateRunes())
        {
            if (!IsInvisible(rune)) continue;
            Add(WarningCodes.InvisibleCharacter, $"contentId contains the invisible character U+{rune.Value:X4}; remove it unless it is meant.");
            break;
        }

        if (char.IsWhiteSpace(contentId[0]) || char.IsWhiteSpace(contentId[^1]))
            Add(WarningCodes.SurroundingBlanks, "contentId begins or ends with white space, which is part of the id; remove it unless it is meant.");
        return warnings;

        void Add(string code, string message) => (warnings ??= []).Add(new ContentViolation(Pointer, code, message));
    }

    private static bool IsInvisible(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        // Combining grapheme joiner, Hangul fillers, Mongolian and other variation selectors, blank Braille pattern.
        || rune.Value is 0x034F or 0x115F or 0x1160 or 0x3164 or 0xFFA0 or (>= 0x180B and <= 0x180F) or 0x2800
            or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0100 and <= 0xE01EF);
}
