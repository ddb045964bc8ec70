using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>The Signature header: <c>algorithm=RSA256,keyVersion=N,signature=VALUE</c>.</summary>
/// <param name="KeyVersion">Null if the header has none.</param>
/// <param name="Value">The raw signature.</param>
public readonly record struct SignatureHeader(string? KeyVersion, ReadOnlyMemory<byte> Value)
{
    /// <summary>RSASSA-PKCS1-v1_5 with SHA-256: the only algorithm that AlipayHK documents well enough to implement.</summary>
    public const string Algorithm = "RSA256";

    private const string ValueName = "signature";

    /// <summary>Formats the header: standard base64 with padding, percent-encoded with upper-case hex, without spaces.</summary>
    /// <exception cref="ArgumentException">The keyVersion is not valid in a header.</exception>
    public static string Format(string keyVersion, ReadOnlySpan<byte> signature)
    {
        if (!KeyVersionText.IsValid(keyVersion)) throw new ArgumentException(KeyVersionText.Rule, nameof(keyVersion));
        return HeaderPairs.Format(Algorithm, keyVersion, ValueName, signature);
    }

    /// <summary>
    /// Accepts any order, spaces around the parts, names and algorithm in any case, and a value in either base64 alphabet, padded,
    /// percent-encoded or not. Never throws on hostile text.
    /// </summary>
    /// <returns><see cref="HeaderFault.None"/> on success.</returns>
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
