using System.Globalization;
using System.Text;

namespace ContentSync.Mapping.Expressions;

/// <summary>Shortens texts without splitting what a reader sees as one character.</summary>
internal static class TextCut
{
    /// <summary>Number of Unicode characters (code points).</summary>
    public static int Length(string text) => text.Length - text.Count(char.IsLowSurrogate);

    /// <summary>The start of a text with at most <paramref name="max"/> Unicode characters.</summary>
    public static string ToCharacters(string text, int max) => Cut(text, max, Length);

    /// <summary>The start of a text with at most <paramref name="max"/> bytes in UTF-8.</summary>
    public static string ToBytes(string text, int max) => Cut(text, max, Encoding.UTF8.GetByteCount);

    private static string Cut(string text, int max, Func<string, int> measure)
    {
        if (measure(text) <= max) return text;
        var (end, used) = (0, 0);
        while (end < text.Length)
        {
            var length = StringInfo.GetNextTextElementLength(text, end);
            used += measure(text.Substring(end, length));
            if (used > max) break;
            end += length;
        }

        return text[..end].TrimEnd();
    }
}
