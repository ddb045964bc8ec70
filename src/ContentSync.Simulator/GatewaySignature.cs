using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Simulator;

/// <summary>
/// The simulator's own implementation of signatures: <c>POST path LF clientId.time.body</c>, SHA-256, RSASSA-PKCS1-v1_5, base64,
/// percent-encoded. It shares no code with the client that it checks, so that a bug in one is exposed by the other.
/// </summary>
internal static class GatewaySignature
{
    public static byte[] Digest(string path, string clientId, string time, ReadOnlySpan<byte> body)
    {
        var head = $"POST {path}\n{clientId}.{time}.";
        var size = Encoding.UTF8.GetMaxByteCount(head.Length) + body.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        var length = Encoding.UTF8.GetBytes(head, buffer);
        body.CopyTo(buffer.AsSpan(length));
        var digest = SHA256.HashData(buffer.AsSpan(0, length + body.Length));
        ArrayPool<byte>.Shared.Return(buffer);
        return digest;
    }

    public static string Header(string keyVersion, byte[] signature) =>
        $"algorithm=RSA256,keyVersion={keyVersion},signature={Uri.EscapeDataString(Convert.ToBase64String(signature))}";

    /// <summary>Splits <c>name=value,name=value</c>. Spaces around a pair are allowed, duplicate names are not.</summary>
    public static bool TryReadPairs(string header, Dictionary<string, string> pairs)
    {
        foreach (var part in header.Split(','))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !pairs.TryAdd(part[..equals].Trim(), part[(equals + 1)..].Trim())) return false;
        }

        return true;
    }

    /// <summary>Decodes percent-encoding, then base64. Null when either is malformed, or a character is not percent-encoded but must be.</summary>
    public static byte[]? Decode(string value)
    {
        var plain = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (c == '%')
            {
                if (i + 2 >= value.Length || !char.IsAsciiHexDigit(value[i + 1]) || !char.IsAsciiHexDigit(value[i + 2])) return null;
                c = (char)Convert.ToInt32(value.Substring(i + 1, 2), 16);
                i += 2;
            }
            else if (!char.IsAsciiLetterOrDigit(c))
            {
                return null;
            }

            plain.Append(c);
        }

        var text = plain.ToString();
        var bytes = new byte[(text.Length * 3 / 4) + 3];
        return Convert.TryFromBase64String(text, bytes, out var length) && length > 0 ? bytes[..length] : null;
    }
}
