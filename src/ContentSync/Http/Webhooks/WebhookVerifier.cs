using System.Globalization;
using System.Security.Cryptography;
using ContentSync.Http.Description;
using ContentSync.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Webhooks;

/// <summary>Result of verifying a webhook message.</summary>
public enum WebhookVerification
{
    /// <summary>Signed with one of the secrets, within the tolerance.</summary>
    Valid,

    /// <summary>One of the three headers is missing, empty, too long or malformed.</summary>
    IncompleteHeaders,

    /// <summary>None of the signatures matches.</summary>
    InvalidSignature,

    /// <summary>Signed with one of the secrets, but its timestamp is further back than the tolerance.</summary>
    TooOld,

    /// <summary>Signed with one of the secrets, but its timestamp is further ahead than the tolerance.</summary>
    TooNew,

    /// <summary>The token of Microsoft Entra ID is missing, expired, not signed by the tenant, or not one of Event Grid's.</summary>
    InvalidToken,

    /// <summary>The token cannot be verified now.</summary>
    KeysUnavailable,
}

/// <summary>
/// Verifies messages according to the Standard Webhooks specification: HMAC-SHA256 over <c>id.timestamp.body</c>, the raw bytes. Never
/// throws because of what a sender sends. Thread-safe.
/// </summary>
public sealed class WebhookVerifier
{
    internal static readonly IReadOnlyList<ParameterDescription> Parameters =
    [
        ParameterDescription.Header(
            WebhookSignature.IdHeader, "Unique to the message, and the same on redelivery; without a period.") with { IsRequired = true },
        ParameterDescription.Header(
            WebhookSignature.TimestampHeader, "Seconds since 1970; at most five minutes from the clock, unless configured otherwise.") with
            {
                IsRequired = true,
            },
        ParameterDescription.Header(
            WebhookSignature.SignatureHeader, "v1,base64; several signatures are separated by spaces.") with { IsRequired = true },
    ];

    private const int MaxIdLength = 256;
    private const int MaxTimestampDigits = 12;
    private const int MaxSignaturesLength = 4_096;

    private readonly byte[][] _secrets;
    private readonly TimeSpan _tolerance;
    private readonly TimeProvider _time;

    /// <exception cref="ArgumentException">A secret is malformed; the message names its setting but does not reveal it.</exception>
    public WebhookVerifier(WebhookOptions options, [FromKeyedServices(Clocks.Wall)] TimeProvider time)
    {
        _secrets =
        [
            .. options.Secrets.Select((secret, index) =>
                WebhookSignature.ReadSecret(secret) ?? throw new ArgumentException(WebhookOptionsValidator.SecretFault(index), nameof(options))),
        ];
        _tolerance = options.Tolerance;
        _time = time;
    }

    /// <summary>Whether there is a secret; without one no message is valid.</summary>
    public bool IsConfigured => _secrets.Length > 0;

    /// <summary>Verifies one message.</summary>
    /// <param name="id">Header webhook-id.</param>
    /// <param name="timestamp">Header webhook-timestamp, seconds since 1970.</param>
    /// <param name="signatures">Header webhook-signature: signatures separated by spaces; versions other than v1 are ignored.</param>
    /// <param name="body">The raw body.</param>
    public WebhookVerification Verify(string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body)
    {
        if (!IsId(id) || !IsTimestamp(timestamp, out var seconds) || signatures is not { Length: > 0 and <= MaxSignaturesLength })
            return WebhookVerification.IncompleteHeaders;
        if (!IsSigned(id!, timestamp!, signatures, body)) return WebhookVerification.InvalidSignature;
        var age = _time.GetUtcNow().ToUnixTimeSeconds() - seconds;
        if (age > _tolerance.TotalSeconds) return WebhookVerification.TooOld;
        return age < -_tolerance.TotalSeconds ? WebhookVerification.TooNew : WebhookVerification.Valid;
    }

    // Compares every secret with every signature, even after a match, so that the time taken reveals nothing.
    private bool IsSigned(string id, string timestamp, string signatures, ReadOnlySpan<byte> body)
    {
        Span<byte> expected = stackalloc byte[WebhookSignature.Length];
        Span<byte> given = stackalloc byte[WebhookSignature.Length];
        var matches = false;
        foreach (var secret in _secrets)
        {
            WebhookSignature.Compute(secret, id, timestamp, body, expected);
            foreach (var range in signatures.AsSpan().Split(' '))
            {
                var signature = signatures.AsSpan(range);
                if (!signature.StartsWith(WebhookSignature.Prefix, StringComparison.Ordinal)) continue;
                var base64 = signature[WebhookSignature.Prefix.Length..];
                if (!Convert.TryFromBase64Chars(base64, given, out var length) || length != given.Length) continue;
                matches |= CryptographicOperations.FixedTimeEquals(expected, given);
            }
        }

        return matches;
    }

    // A period separates the signed parts: if the id contained one, part of it could pass for the timestamp.
    private static bool IsId(string? id) =>
        id is { Length: > 0 and <= MaxIdLength } && !id.AsSpan().Contains('.') && !id.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static bool IsTimestamp(string? timestamp, out long seconds)
    {
        seconds = 0;
        return timestamp is { Length: <= MaxTimestampDigits }
            && long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out seconds);
    }
}
