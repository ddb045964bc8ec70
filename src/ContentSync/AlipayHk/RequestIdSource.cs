using System.Security.Cryptography;

namespace ContentSync.AlipayHk;

/// <summary>Creates request ids. Tests derive from it to get predictable ids.</summary>
public class RequestIdSource
{
    /// <summary>Length of a request id. AlipayHK specifies a uuid of max 32 characters, so it has no hyphens.</summary>
    public const int Length = 32;

    /// <summary>Returns 32 random lower-case hex digits. Thread-safe.</summary>
    public virtual string Create()
    {
        Span<byte> bytes = stackalloc byte[Length / 2];
        RandomNumberGenerator.Fill(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
