using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>The Signature header: <c>algorithm=RSA256,keyVersion=N,signature=VALUE</c>.</summary>
/// <param name="KeyVersion">Null where the header leaves it out.</param>
/// <param name="Value">The raw signature.</param>
public readonly record struct SignatureHeader(string? KeyVersion, ReadOnlyMemory<byte> Value)
{
    /// <summary>RSASSA-PKCS1-v1_5 with SHA-256: the one algorithm that is documented well enough to build.</summary>
    public const string Algorithm = "RSA256";

    private const string ValueName = "signature";

    /// <summary>Base64 in the standard alphabet with padding, percent-encoded with upper-case hex, no blanks.</summary>
    /// <exception cref="ArgumentException">The keyVersion cannot stand in a header.</exception>
    public static string Format(string keyVersion, ReadOnlySpan<byte> signature)
    {
        if (!KeyVersionText.IsValid(keyVersion)) throw new ArgumentException(KeyVersionText.Rule, nameof(keyVersion));
        return HeaderPairs.Format(Algorithm, keyVersion, ValueName, signature);
    }

    /// <summary>
    /// Reads a header in any order, with blanks around its parts, names and algorithm in any case, the value percent-encoded or
    /// not, in either base64 alphabet, padded. Never throws on hostile text.
    /// </summary>
    /// <returns><see cref="HeaderFault.None"/> where <paramref name="parsed"/> holds it.</returns>
    public static HeaderFault TryParse(string header, out SignatureHeader parsed)
    {
        parsed = default;
        var fault = HeaderPairs.TryParse(header, ValueName, out var pairs);
        if (fault != HeaderFault.None) return fault;
        if (!pairs.Algorithm.Equals(Algorithm, StringComparison.OrdinalIgnoreCase)) return HeaderFault.UnsupportedAlgorithm;
        parsed = new SignatureHeader(pairs.KeyVersion, pairs.Value);
        return HeaderFault.None;
    }
}
