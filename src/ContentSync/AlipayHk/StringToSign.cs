using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.AlipayHk;

/// <summary>
/// The text that requests and responses sign: <c>POST SP path LF clientId "." time "." body</c>, in UTF-8 without byte order mark,
/// with one LF and no CR. The body is included byte for byte as sent or received.
/// </summary>
/// <param name="path">From the first slash after the host, without query.</param>
/// <param name="clientId">Our Client-Id.</param>
public sealed class StringToSign(string path, string clientId)
{
    private readonly byte[] _prefix = Encoding.UTF8.GetBytes($"POST {path}\n{clientId}.");

    /// <summary>Computes the SHA-256 of the string to sign.</summary>
    /// <param name="time">The characters of the Request-Time or Response-Time header.</param>
    /// <param name="body">The exact body.</param>
    /// <param name="destination">Receives the 32 bytes.</param>
    public void Hash(string time, ReadOnlySpan<byte> body, Span<byte> destination)
    {
        var rented = ArrayPool<byte>.Shared.Rent(_prefix.Length + Encoding.UTF8.GetMaxByteCount(time.Length) + 1 + body.Length);
        var length = Write(time, body, rented);
        SHA256.HashData(rented.AsSpan(0, length), destination);
        ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>Returns the whole string to sign as text, for previews and diagnosis.</summary>
    public string Render(string time, ReadOnlySpan<byte> body)
    {
        var bytes = new byte[_prefix.Length + Encoding.UTF8.GetMaxByteCount(time.Length) + 1 + body.Length];
        return Encoding.UTF8.GetString(bytes, 0, Write(time, body, bytes));
    }

    private int Write(string time, ReadOnlySpan<byte> body, Span<byte> destination)
    {
        _prefix.CopyTo(destination);
        var length = _prefix.Length;
        length += Encoding.UTF8.GetBytes(time, destination[length..]);
        destination[length++] = (byte)'.';
        body.CopyTo(destination[length..]);
        return length + body.Length;
    }
}
