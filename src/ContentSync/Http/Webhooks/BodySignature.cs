using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Http.Webhooks;

/// <summary>The signature of Shopify and of WooCommerce: base64 of the HMAC-SHA256 of the raw body, keyed with the UTF-8 bytes of a secret.</summary>
internal sealed class BodySignature(IEnumerable<string> secrets)
{
    private readonly byte[][] _secrets = [.. secrets.Select(Encoding.UTF8.GetBytes)];

    /// <summary>Whether there is a secret; without one no message is valid.</summary>
    public bool IsConfigured => _secrets.Length > 0;

    /// <summary>Whether one of the secrets signed the body.</summary>
    /// <param name="signature">The header's value; null if it is missing.</param>
    /// <param name="body">The raw body.</param>
    public bool IsValid(string? signature, ReadOnlySpan<byte> body)
    {
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        if (signature is null || !Convert.TryFromBase64String(signature, given, out var length) || length != given.Length) return false;
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var matches = false;
        foreach (var secret in _secrets)
        {
            // Even after a match, so that the time taken reveals nothing.
            HMACSHA256.HashData(secret, body, expected);
            matches |= CryptographicOperations.FixedTimeEquals(expected, given);
        }

        return matches;
    }
}
