using System.Security.Cryptography;

namespace ContentSync.AlipayHk;

/// <summary>Where request ids come from. A test derives from it to get ids that it knows.</summary>
public class RequestIdSource
{
    /// <summary>Length of a request id. AlipayHK calls it a uuid of at most 32 characters, so it goes without hyphens.</summary>
    public const int Length = 32;

    /// <summary>32 lower-case hex digits, never the same twice. Safe to call from many threads.</summary>
    public virtual string Create()
    {
        Span<byte> bytes = stackalloc byte[Length / 2];
        RandomNumberGenerator.Fill(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
