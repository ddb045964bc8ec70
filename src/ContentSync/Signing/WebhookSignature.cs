using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Signing;

/// <summary>
/// The signature of the Standard Webhooks specification, version v1: HMAC-SHA256 over <c>id.timestamp.body</c>, the raw bytes. Webhooks that
/// arrive and notifications that leave are signed by the same rule.
/// </summary>
public static class WebhookSignature
{
    /// <summary>Header with the message's id: unique to the message, the same on redelivery, without a period.</summary>
    public const string IdHeader = "webhook-id";

    /// <summary>Header with the time of this delivery, in seconds since 1970.</summary>
    public const string TimestampHeader = "webhook-timestamp";

    /// <summary>Header with one or more signatures, separated by spaces.</summary>
    public const string SignatureHeader = "webhook-signature";

    /// <summary>What a signature of this version begins with; the rest is base64.</summary>
    public const string Prefix = "v1,";

    /// <summary>Length of a signature in bytes.</summary>
    public const int Length = HMACSHA256.HashSizeInBytes;

    /// <summary>What a right secret is, for messages: completes "must be".</summary>
    public const string ExpectedSecret =
        "base64 of 24 to 64 bytes, with or without the prefix whsec_. Generate one with: openssl rand -base64 32";

    private const string SecretPrefix = "whsec_";
    private const int MinSecretBytes = 24;
    private const int MaxSecretBytes = 64;

    /// <summary>The bytes of a secret; null if it is malformed.</summary>
    public static byte[]? ReadSecret(string secret)
    {
        var base64 = secret.StartsWith(SecretPrefix, StringComparison.Ordinal) ? secret[SecretPrefix.Length..] : secret;
        var bytes = new byte[MaxSecretBytes];
        return Convert.TryFromBase64String(base64, bytes, out var length) && length >= MinSecretBytes ? bytes[..length] : null;
    }

    /// <summary>Computes the signature.</summary>
    /// <param name="secret">From <see cref="ReadSecret"/>.</param>
    /// <param name="id">The message's id, without a period.</param>
    /// <param name="timestamp">Seconds since 1970, as in the header.</param>
    /// <param name="body">The raw body.</param>
    /// <param name="signature">Receives <see cref="Length"/> bytes.</param>
    public static void Compute(ReadOnlySpan<byte> secret, string id, string timestamp, ReadOnlySpan<byte> body, Span<byte> signature)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hmac.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        hmac.GetHashAndReset(signature);
    }

    /// <summary>The value of <see cref="SignatureHeader"/>.</summary>
    public static string HeaderValue(ReadOnlySpan<byte> secret, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        Span<byte> signature = stackalloc byte[Length];
        Compute(secret, id, timestamp, body, signature);
        return Prefix + Convert.ToBase64String(signature);
    }
}
