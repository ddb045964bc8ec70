using System.Globalization;
using System.Text;

namespace ContentSync.Content;

/// <summary>Times as callers write them: ISO 8601 with a zone, since a time without one means another one on every machine.</summary>
internal static class ZonedTime
{
    /// <summary>What one must look like, for messages.</summary>
    public const string Expected = "ISO 8601 with a zone, such as 2024-05-22T06:42:21+08:00 or 2024-05-21T22:42:21Z";

    /// <summary>2024-05-22T06:42 and then Z or an offset of six characters; the rest is the parser's to judge.</summary>
    public static bool HasTimeAndZone(ReadOnlySpan<byte> text) =>
        text.Length >= 17 && text[10] == 'T' && (text[^1] == 'Z' || text[^6] is (byte)'+' or (byte)'-');

    /// <summary>Reads one.</summary>
    public static bool TryParse(string text, out DateTimeOffset time)
    {
        time = default;
        return HasTimeAndZone(Encoding.UTF8.GetBytes(text)) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }
}
