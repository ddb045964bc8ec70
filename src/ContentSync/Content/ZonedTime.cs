using System.Globalization;
using System.Text;

namespace ContentSync.Content;

/// <summary>Reads callers' times: ISO 8601 with a zone, because a time without one differs from machine to machine.</summary>
internal static class ZonedTime
{
    /// <summary>The expected format, for messages.</summary>
    public const string Expected = "ISO 8601 with a zone, such as 2024-05-22T06:42:21+08:00 or 2024-05-21T22:42:21Z";

    /// <summary>Checks for 2024-05-22T06:42, then Z or an offset of six characters; the parser checks the rest.</summary>
    public static bool HasTimeAndZone(ReadOnlySpan<byte> text) =>
        text.Length >= 17 && text[10] == 'T' && (text[^1] == 'Z' || text[^6] is (byte)'+' or (byte)'-');

    public static bool TryParse(string text, out DateTimeOffset time)
    {
        time = default;
        return HasTimeAndZone(Encoding.UTF8.GetBytes(text))
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }
}
