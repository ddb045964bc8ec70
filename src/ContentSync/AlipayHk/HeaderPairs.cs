using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace ContentSync.AlipayHk;

/// <summary>What is wrong with a Signature or Encrypt header.</summary>
public enum HeaderFault
{
    None,

    /// <summary>Longer than 8192 characters, far more than any signature needs.</summary>
    TooLong,

    /// <summary>A part without an equals sign.</summary>
    NotAPair,

    /// <summary>One of the three names occurs twice.</summary>
    Duplicate,

    /// <summary>No algorithm, or an empty one.</summary>
    NoAlgorithm,

    /// <summary>An empty keyVersion. It may be absent, but not empty.</summary>
    EmptyKeyVersion,

    /// <summary>No signature or symmetricKey, or an empty one.</summary>
    NoValue,

    /// <summary>A percent sign that two hex digits do not follow.</summary>
    BadPercentEncoding,

    /// <summary>Not base64, or base64 without its padding.</summary>
    NotBase64,

    /// <summary>An algorithm that is not supported.</summary>
    UnsupportedAlgorithm,
}

/// <summary>
/// The format of the Signature and Encrypt headers: <c>algorithm=A,keyVersion=N,name=VALUE</c>, where VALUE is percent-encoded
/// base64. Accepts any order, spaces around the parts, names and algorithm in any case, and a value that is not percent-encoded.
/// </summary>
internal readonly record struct HeaderPairs(string Algorithm, string? KeyVersion, byte[] Value)
{
    private const int MaxLength = 8192;
    private const int MaxStackChars = 2048;

    private static readonly SearchValues<char> Base64Text = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    /// <summary>Formats a header with upper-case hex and without spaces.</summary>
    public static string Format(string algorithm, string keyVersion, string valueName, ReadOnlySpan<byte> value)
    {
        var base64Length = (value.Length + 2) / 3 * 4;
        Span<char> base64 = base64Length <= MaxStackChars ? stackalloc char[base64Length] : new char[base64Length];
        Convert.TryToBase64Chars(value, base64, out _);
        var maxLength = algorithm.Length + keyVersion.Length + valueName.Length + 24 + 3 * base64Length;
        Span<char> text = maxLength <= MaxStackChars ? stackalloc char[maxLength] : new char[maxLength];
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

    private static HeaderFault Split(
        string header,
        string valueName,
        out ReadOnlySpan<char> algorithm,
        out ReadOnlySpan<char> keyVersion,
        out ReadOnlySpan<char> value)
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

    // Decodes %XX only. A form decoder would turn the + in a value that is not percent-encoded into a space.
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
                if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                {
                    return HeaderFault.BadPercentEncoding;
                }

                character = (char)(HexValue(text[i + 1]) << 4 | HexValue(text[i + 2]));
                i += 2;
            }

            // Accepts the URL alphabet: a public client of a sibling gateway signs with it.
            base64[length++] = character switch { '-' => '+', '_' => '/', _ => character };
        }

        return TryFromBase64(base64[..length], out bytes) ? HeaderFault.None : HeaderFault.NotBase64;
    }

    private static bool TryFromBase64(ReadOnlySpan<char> base64, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;

        // The framework's decoder would skip white space, which is not valid here.
        if (base64.Length % 4 != 0 || base64.ContainsAnyExcept(Base64Text)) return false;
        var padding = base64.EndsWith("==") ? 2 : base64.EndsWith("=") ? 1 : 0;
        var decoded = new byte[base64.Length / 4 * 3 - padding];
        if (!Convert.TryFromBase64Chars(base64, decoded, out var written) || written != decoded.Length) return false;
        bytes = decoded;
        return true;
    }

    private static int HexValue(char digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
