using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace ContentSync.Content;

/// <summary>
/// Decodes the text between the quotes of a JSON string. A <see cref="System.Text.Json.Utf8JsonReader"/> has already checked that it is
/// valid JSON and UTF-8. Lone surrogate escapes are the only remaining fault; they are reported, not thrown.
/// </summary>
internal static class JsonStringText
{
    /// <summary>Replaces every escape with its character. Never writes more bytes than <paramref name="raw"/> has.</summary>
    /// <param name="raw">The bytes between the quotes.</param>
    /// <param name="destination">At least as long as <paramref name="raw"/>.</param>
    /// <param name="wellFormed">False if a lone surrogate was replaced with U+FFFD.</param>
    /// <returns>Number of bytes written.</returns>
    public static int Decode(ReadOnlySpan<byte> raw, Span<byte> destination, out bool wellFormed) =>
        Decode(raw, destination, canonical: false, out wellFormed);

    /// <summary>
    /// Like <see cref="Decode(ReadOnlySpan{byte}, Span{byte}, out bool)"/>, but characters that JSON requires to be escaped stay escaped,
    /// in the shortest form: equal texts become equal bytes.
    /// </summary>
    public static int Canonicalize(ReadOnlySpan<byte> raw, Span<byte> destination, out bool wellFormed) =>
        Decode(raw, destination, canonical: true, out wellFormed);

    /// <summary>Number of UTF-16 code units in the decoded text.</summary>
    public static int CharCount(ReadOnlySpan<byte> raw)
    {
        var count = 0;
        while (true)
        {
            var escape = raw.IndexOf((byte)'\\');
            if (escape < 0) return count + Encoding.UTF8.GetCharCount(raw);
            count += Encoding.UTF8.GetCharCount(raw[..escape]) + 1;
            raw = raw[(escape + (raw[escape + 1] == 'u' ? 6 : 2))..];
        }
    }

    private static int Decode(ReadOnlySpan<byte> raw, Span<byte> destination, bool canonical, out bool wellFormed)
    {
        wellFormed = true;
        var written = 0;
        while (true)
        {
            var escape = raw.IndexOf((byte)'\\');
            if (escape < 0)
            {
                raw.CopyTo(destination[written..]);
                return written + raw.Length;
            }

            raw[..escape].CopyTo(destination[written..]);
            written += escape;
            raw = raw[escape..];
            var length = DecodeEscape(raw, out var rune, ref wellFormed);
            raw = raw[length..];
            written += canonical ? WriteCanonical(rune, destination[written..]) : rune.EncodeToUtf8(destination[written..]);
        }
    }

    private static int DecodeEscape(ReadOnlySpan<byte> raw, out Rune rune, ref bool wellFormed)
    {
        if (raw[1] != 'u')
        {
            rune = new Rune(raw[1] switch
            {
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                var itself => (char)itself,
            });
            return 2;
        }

        var unit = CodeUnit(raw);
        if (!char.IsSurrogate(unit))
        {
            rune = new Rune(unit);
            return 6;
        }

        if (raw.Length >= 12 && raw[6] == '\\' && raw[7] == 'u' && Rune.TryCreate(unit, CodeUnit(raw[6..]), out rune)) return 12;
        rune = Rune.ReplacementChar;
        wellFormed = false;
        return 6;
    }

    private static char CodeUnit(ReadOnlySpan<byte> escape)
    {
        // The JSON reader has checked that these are four hex digits.
        return Utf8Parser.TryParse(escape.Slice(2, 4), out ushort unit, out _, 'x') ? (char)unit : '\uFFFD';
    }

    private static int WriteCanonical(Rune rune, Span<byte> destination)
    {
        var shortForm = rune.Value switch
        {
            '"' => '"',
            '\\' => '\\',
            '\b' => 'b',
            '\f' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            _ => '\0',
        };
        if (shortForm != '\0')
        {
            destination[0] = (byte)'\\';
            destination[1] = (byte)shortForm;
            return 2;
        }

        if (rune.Value >= 0x20) return rune.EncodeToUtf8(destination);
        "\\u"u8.CopyTo(destination);
        rune.Value.TryFormat(destination[2..], out _, "x4", CultureInfo.InvariantCulture);
        return 6;
    }
}
