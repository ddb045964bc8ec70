using System.Buffers;
using System.Text;
using System.Text.Json;

namespace ContentSync.Content;

/// <summary>Reads callers' times: ISO 8601 with a zone, because a time without one differs from machine to machine.</summary>
internal static class ZonedTime
{
    /// <summary>The expected format, for messages.</summary>
    public const string Expected = "ISO 8601 with a zone, such as 2024-05-22T06:42:21+08:00 or 2024-05-21T22:42:21Z";

    private const int MaxLength = 64;

    private static readonly SearchValues<byte> Characters = SearchValues.Create("0123456789TtZz:.+-"u8);

    /// <summary>
    /// Reads a time of at least minutes. Besides the extended format it takes an offset without a colon (+0800) and lower-case t and z, which
    /// many exports write; fractions finer than 0.1 µs are cut off.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length is < 17 or > MaxLength || text.ContainsAnyExcept(Characters)) return false;
        if (text[10] is not ((byte)'T' or (byte)'t')) return false;

        // Rewritten in the extended format, in quotes, for the JSON reader's strict parser.
        Span<byte> json = stackalloc byte[MaxLength + 3];
        json[0] = (byte)'"';
        text.CopyTo(json[1..]);
        json[11] = (byte)'T';
        var length = text.Length + 1;
        if (text[^1] is (byte)'Z' or (byte)'z')
        {
            json[length - 1] = (byte)'Z';
        }
        else if (text[^5] is (byte)'+' or (byte)'-')
        {
            // +0800: the minutes move one to the right, behind a colon.
            text[^2..].CopyTo(json[(length - 1)..]);
            json[length - 2] = (byte)':';
            length++;
        }
        else if (text[^6] is not ((byte)'+' or (byte)'-'))
        {
            return false;
        }

        json[length++] = (byte)'"';
        var reader = new Utf8JsonReader(json[..length]);
        return reader.Read() && reader.TryGetDateTimeOffset(out time);
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out DateTimeOffset)"/>
    public static bool TryParse(string text, out DateTimeOffset time) => TryParse(Encoding.UTF8.GetBytes(text), out time);
}
