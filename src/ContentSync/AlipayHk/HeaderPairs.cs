using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace ContentSync.AlipayHk;

/// <summary>What is wrong with a Signature or Encrypt header.</summary>
public enum HeaderFault
{
    None,

    /// <summary>Longer than any signature would make it.</summary>
    TooLong,

    /// <summary>A part without an equals sign.</summary>
    NotAPair,

    /// <summary>One of the three names is given twice.</summary>
    Duplicate,

    /// <summary>No algorithm, or an empty one.</summary>
    NoAlgorithm,

    /// <summary>An empty keyVersion. Leaving it out altogether is allowed.</summary>
    EmptyKeyVersion,

    /// <summary>No signature or symmetricKey, or an empty one.</summary>
    NoValue,

    /// <summary>A percent sign without two hex digits behind it.</summary>
    BadPercentEncoding,

    /// <summary>Not base64, or base64 without its padding.</summary>
    NotBase64,

    /// <summary>An algorithm that is not supported.</summary>
    UnsupportedAlgorithm,
}

/// <summary>
/// The form that the Signature and Encrypt headers share: <c>algorithm=A,keyVersion=N,name=VALUE</c>, VALUE being percent-encoded
/// base64. Read in any order, with blanks around the parts, names and algorithm in any case, the value percent-encoded or not.
/// </summary>
internal readonly record struct HeaderPairs(string Algorithm, string? KeyVersion, byte[] Value)
{
    private const int MaxLength = 8192;
    private const int MaxStackChars = 2048;

    private static readonly SearchValues<char> Base64Text = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    /// <summary>Upper-case hex, no blanks.</summary>
    public static string Format(string algorithm, string keyVersion, string valueName, ReadOnlySpan<byte> value)
    {
        var base64Length = (value.Length + 2) / 3 * 4;
        Span<char> base64 = base64Length <= MaxStackChars ? stackalloc char[base64Length] : new char[base64Length];
        Convert.TryToBase64Chars(value, base64, out _);
        var longest = algorithm.Length + keyVersion.Length + valueName.Length + 24 + 3 * base64Length;
        Span<char> text = longest <= MaxStackChars ? stackalloc char[longest] : new char[longest];
        text.TryWrite($"algorithm={algorithm},keyVersion={keyVersion},{valueName}=", out var length);
        foreach (var character in base64)
        {
            var encoded = character switch { '+' => "%2B", '/' => "%2F", '=' => "%3D", _ => null };
            if (encoded is null)
            {
                text[length++] = character;
            }
            else
            {
                encoded.CopyTo(text[length..]);
                length += encoded.Length;
            }
        }

        return text[..length].ToString();
    }

    /// <summary>Never throws on hostile text.</summary>
    public static HeaderFault TryParse(string header, string valueName, out HeaderPairs pairs)
    {
        pairs = default;
        if (header.Length > MaxLength) return HeaderFault.TooLong;
        var fault = Split(header, valueName, out var algorithm, out var keyVersion, out var value);
        if (fault != HeaderFault.None) return fault;
        if (algorithm.IsEmpty) return HeaderFault.NoAlgorithm;
        if (value.IsEmpty) return HeaderFault.NoValue;
        fault = TryDecode(value, out var bytes);
        if (fault != HeaderFault.None) return fault;
        pairs = new HeaderPairs(algorithm.ToString(), keyVersion.IsEmpty ? null : keyVersion.ToString(), bytes!);
        return HeaderFault.None;
    }

    private static HeaderFault Split(string header, string valueName, out ReadOnlySpan<char> algorithm, out ReadOnlySpan<char> keyVersion, out ReadOnlySpan<char> value)
    {
        algorithm = keyVersion = value = default;
        var (hasAlgorithm, hasKeyVersion, hasValue) = (false, false, false);
        var text = header.AsSpan();
        foreach (var range in text.Split(','))
        {
            var part = text[range].Trim();
            if (part.IsEmpty) continue;
            var equals = part.IndexOf('=');
            if (equals < 0) return HeaderFault.NotAPair;
            var name = part[..equals].TrimEnd();
            var content = part[(equals + 1)..].TrimStart();
            if (name.Equals("algorithm", StringComparison.OrdinalIgnoreCase))
            {
                if (hasAlgorithm) return HeaderFault.Duplicate;
                hasAlgorithm = true;
                algorithm = content;
            }
            else if (name.Equals("keyVersion", StringComparison.OrdinalIgnoreCase))
            {
                if (hasKeyVersion) return HeaderFault.Duplicate;
                if (content.IsEmpty) return HeaderFault.EmptyKeyVersion;
                hasKeyVersion = true;
                keyVersion = content;
            }
            else if (name.Equals(valueName, StringComparison.OrdinalIgnoreCase))
            {
                if (hasValue) return HeaderFault.Duplicate;
                hasValue = true;
                value = content;
            }
        }

        return HeaderFault.None;
    }

    // Only %XX is decoded. A form decoder would turn the + of a value that came without percent-encoding into a blank.
    private static HeaderFault TryDecode(ReadOnlySpan<char> text, out byte[]? bytes)
    {
        bytes = null;
        Span<char> base64 = text.Length <= MaxStackChars ? stackalloc char[text.Length] : new char[text.Length];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var character = text[i];
            if (character == '%')
            {
                if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])) return HeaderFault.BadPercentEncoding;
                character = (char)(HexValue(text[i + 1]) << 4 | HexValue(text[i + 2]));
                i += 2;
            }

            // The URL alphabet is tolerated: a public client of a sibling gateway signs in it.
            base64[length++] = character switch { '-' => '+', '_' => '/', _ => character };
        }

        return TryFromBase64(base64[..length], out bytes) ? HeaderFault.None : HeaderFault.NotBase64;
    }

    private static bool TryFromBase64(ReadOnlySpan<char> base64, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;

        // The framework's decoder skips white space, which has no place here.
        if (base64.Length % 4 != 0 || base64.ContainsAnyExcept(Base64Text)) return false;
        var padding = base64.EndsWith("==") ? 2 : base64.EndsWith("=") ? 1 : 0;
        var decoded = new byte[base64.Length / 4 * 3 - padding];
        if (!Convert.TryFromBase64Chars(base64, decoded, out var written) || written != decoded.Length) return false;
        bytes = decoded;
        return true;
    }

    private static int HexValue(char digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
