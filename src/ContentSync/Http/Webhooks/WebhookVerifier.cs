using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Http.Webhooks;

/// <summary>What the check of a webhook message came to.</summary>
public enum WebhookVerification
{
    /// <summary>Signed with one of the secrets, and now.</summary>
    Valid,

    /// <summary>One of the three headers is missing, empty, too long, or no id, time or list of signatures.</summary>
    IncompleteHeaders,

    /// <summary>None of the signatures matches.</summary>
    InvalidSignature,

    /// <summary>Signed with one of the secrets, but its timestamp lies further back than the tolerance.</summary>
    TooOld,

    /// <summary>Signed with one of the secrets, but its timestamp lies further ahead than the tolerance.</summary>
    TooNew,
}

/// <summary>
/// Checks messages by the Standard Webhooks specification: HMAC-SHA256 over <c>id.timestamp.body</c>, the raw bytes. Never throws
/// for what a sender sends. Thread-safe.
/// </summary>
public sealed class WebhookVerifier
{
    internal const string IdHeader = "webhook-id";
    internal const string TimestampHeader = "webhook-timestamp";
    internal const string SignatureHeader = "webhook-signature";

    private const string SecretPrefix = "whsec_";
    private const int MostIdCharacters = 256;
    private const int MostTimestampDigits = 12;
    private const int MostSignatureCharacters = 4_096;

    private readonly byte[][] _secrets;
    private readonly TimeSpan _tolerance;
    private readonly TimeProvider _time;

    /// <exception cref="ArgumentException">A secret is not one; the message tells which, and not what it is.</exception>
    public WebhookVerifier(WebhookOptions options, TimeProvider time)
    {
        _secrets = [.. options.Secrets.Select(Read)];
        _tolerance = options.Tolerance;
        _time = time;
    }

    /// <summary>False where there is no secret, so that nothing can be valid.</summary>
    public bool IsConfigured => _secrets.Length > 0;

    /// <summary>Checks one message.</summary>
    /// <param name="id">Header webhook-id.</param>
    /// <param name="timestamp">Header webhook-timestamp, seconds since 1970.</param>
    /// <param name="signatures">Header webhook-signature, separated by blanks; those of other versions than v1 are passed over.</param>
    /// <param name="body">The raw body.</param>
    public WebhookVerification Verify(string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body)
    {
        if (!IsId(id) || !IsTimestamp(timestamp, out var seconds) || signatures is not { Length: > 0 and <= MostSignatureCharacters }) return WebhookVerification.IncompleteHeaders;
        if (!IsSigned($"{id}.{timestamp}.", signatures, body)) return WebhookVerification.InvalidSignature;
        var age = _time.GetUtcNow().ToUnixTimeSeconds() - seconds;
        if (age > _tolerance.TotalSeconds) return WebhookVerification.TooOld;
        return age < -_tolerance.TotalSeconds ? WebhookVerification.TooNew : WebhookVerification.Valid;
    }

    // Every secret is held against every signature, whatever came of the ones before.
    private bool IsSigned(string opening, string signatures, ReadOnlySpan<byte> body)
    {
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var matches = false;
        foreach (var secret in _secrets)
        {
            using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
            hmac.AppendData(Encoding.UTF8.GetBytes(opening));
            hmac.AppendData(body);
            hmac.GetHashAndReset(expected);
            foreach (var range in signatures.AsSpan().Split(' '))
            {
                var signature = signatures.AsSpan(range);
                if (!signature.StartsWith("v1,", StringComparison.Ordinal)) continue;
                if (!Convert.TryFromBase64Chars(signature[3..], given, out var length) || length != given.Length) continue;
                matches |= CryptographicOperations.FixedTimeEquals(expected, given);
            }
        }

        return matches;
    }

    // The full stop separates what is signed: with one in the id, part of the id could pass for the time.
    private static bool IsId(string? id) => id is { Length: > 0 and <= MostIdCharacters } && !id.AsSpan().Contains('.') && !id.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static bool IsTimestamp(string? timestamp, out long seconds)
    {
        seconds = 0;
        return timestamp is { Length: <= MostTimestampDigits } && long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out seconds);
    }

    private static byte[] Read(string secret, int index)
    {
        var base64 = secret.StartsWith(SecretPrefix, StringComparison.Ordinal) ? secret[SecretPrefix.Length..] : secret;
        var bytes = new byte[64];
        if (Convert.TryFromBase64String(base64, bytes, out var length) && length >= 24) return bytes[..length];
        throw new ArgumentException($"{WebhookOptions.Section}:{nameof(WebhookOptions.Secrets)}:{index} is no webhook secret: base64 of 24 to 64 bytes is expected, with or without {SecretPrefix} before it.", nameof(secret));
    }
}
