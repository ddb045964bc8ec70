using System.Text;
using System.Text.Unicode;

namespace ContentSync.Mapping.Feeds;

/// <summary>Finds the encoding of a feed's text.</summary>
internal static class FeedEncoding
{
    /// <summary>An encoding by name; null if the runtime knows none of this name.</summary>
    public static Encoding? Find(string name)
    {
        try
        {
            // The code pages are not registered, because that would change the whole process.
            return CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// Detects UTF-8 and UTF-16 with certainty, or nearly. Anything else is a guess: Big5 or GB18030 if the bytes above 127 come in pairs,
    /// windows-1252 if they stand alone.
    /// </summary>
    public static (Encoding Encoding, bool IsGuessed) Detect(ReadOnlySpan<byte> start)
    {
        if (start is [0xEF, 0xBB, 0xBF, ..]) return (Encoding.UTF8, false);
        if (start is [0xFF, 0xFE, ..]) return (Encoding.Unicode, false);
        if (start is [0xFE, 0xFF, ..]) return (Encoding.BigEndianUnicode, false);
        if (start is [not 0, 0, not 0, 0, ..]) return (Encoding.Unicode, false);
        if (start is [0, not 0, 0, not 0, ..]) return (Encoding.BigEndianUnicode, false);
        return Utf8.IsValid(WithoutCutCharacter(start)) ? (Encoding.UTF8, false) : (Guess(start), true);
    }

    // The inspected part may end inside a character.
    private static ReadOnlySpan<byte> WithoutCutCharacter(ReadOnlySpan<byte> text)
    {
        for (var back = 1; back <= Math.Min(3, text.Length); back++)
        {
            if (text[^back] >= 0xC0) return text[..^back];
            if (text[^back] < 0x80) break;
        }

        return text;
    }

    private static Encoding Guess(ReadOnlySpan<byte> text)
    {
        var (pairs, single, lowTrails) = (0, 0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] < 0x80) continue;
            var isPair = i + 1 < text.Length && text[i] is > 0x80 and < 0xFF && text[i + 1] is (>= 0x40 and <= 0x7E) or >= 0xA1;
            if (!isPair || (text[i + 1] < 0x80 && !IsHighNearby(text, i)))
            {
                single++;
                continue;
            }

            pairs++;
            i++;
            if (text[i] < 0x80) lowTrails++;
        }

        if (single * 4 > pairs) return CodePagesEncodingProvider.Instance.GetEncoding(1252)!;

        // A third of Big5's characters end with a byte below 128; hardly any of simplified Chinese in GB18030 do.
        return CodePagesEncodingProvider.Instance.GetEncoding(lowTrails * 10 > pairs ? "big5" : "gb18030")!;
    }

    private static bool IsHighNearby(ReadOnlySpan<byte> text, int at) =>
        (at > 1 && (text[at - 1] >= 0x80 || text[at - 2] >= 0x80)) || (at + 2 < text.Length && text[at + 2] >= 0x80);
}
