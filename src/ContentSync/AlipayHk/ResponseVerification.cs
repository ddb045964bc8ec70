using System.Security.Cryptography;
using ContentSync.Signing;
using Microsoft.Extensions.Logging;

namespace ContentSync.AlipayHk;

/// <summary>
/// Verifies a response's signature over <c>POST SP path LF Client-Id "." Response-Time "." raw body</c>, before anything parses
/// the body. The Client-Id is ours: a response for another client is refused. So is a response that is older than its request,
/// because it may be a genuine response to another one: nothing that AlipayHK signs names the request.
/// </summary>
public sealed partial class ResponseVerification(
    AlipayHkOptions options,
    AlipayHkKeys keys,
    TimeProvider timeProvider,
    ILogger<ResponseVerification> logger)
{
    /// <summary>
    /// A larger difference between Response-Time and the local clock logs a warning. A Response-Time in the future is not refused.
    /// </summary>
    public static readonly TimeSpan TolerableClockDifference = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan WarningInterval = TimeSpan.FromMinutes(1);

    private readonly StringToSign _stringToSign = new(options.Path, options.ClientId);
    private readonly string _clientId = options.ClientId;
    private readonly TimeSpan _tolerance = options.ResponseTimeTolerance;
    private readonly RequestTimeCache _requestTimes = new();
    private readonly RequestTimeCache _responseTimes = new();
    private long _nextWarningTicks;

    /// <summary>Verifies one response. Never throws on hostile headers or bytes.</summary>
    /// <param name="signature">The Signature header, or null.</param>
    /// <param name="responseTime">The Response-Time header, or null.</param>
    /// <param name="clientId">The Client-Id header, or null.</param>
    /// <param name="requestTime">The Request-Time header of the request.</param>
    /// <param name="body">The body as received.</param>
    public ResponseCheck Check(string? signature, string? responseTime, string? clientId, string requestTime, ReadOnlySpan<byte> body)
    {
        if (signature is null && responseTime is null)
        {
            return new(SignatureVerification.Unsigned, "The response has neither Signature nor Response-Time.");
        }

        if (signature is null) return new(SignatureVerification.Incomplete, "The response has Response-Time but no Signature.");
        if (string.IsNullOrWhiteSpace(responseTime))
        {
            return new(SignatureVerification.Incomplete, "The response has Signature but no Response-Time.");
        }

        var fault = SignatureHeader.TryParse(signature, out var header);
        if (fault == HeaderFault.UnsupportedAlgorithm)
        {
            return new(
                SignatureVerification.UnsupportedAlgorithm,
                $"The response is not signed with {SignatureHeader.Algorithm}. {RsaKeyText.EccRefusal}.");
        }

        if (fault != HeaderFault.None)
        {
            return new(SignatureVerification.Malformed, $"The response's Signature header cannot be read ({fault}).");
        }

        if (clientId is not null && clientId != _clientId)
        {
            return new(SignatureVerification.Invalid, "The response's Client-Id is not ours.");
        }

        if (!keys.TryFind(header.KeyVersion, out var key)) return UnknownKeyVersion(header.KeyVersion);

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _stringToSign.Hash(responseTime, body, hash);
        if (!key.VerifyHash(hash, header.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
        {
            return new(
                SignatureVerification.Invalid,
                "The response's signature does not match its body, time and path with AlipayHK's configured public key.");
        }

        return CheckTime(responseTime, requestTime);
    }

    private ResponseCheck CheckTime(string responseTime, string requestTime)
    {
        if (!_responseTimes.TryParse(responseTime, out var responded))
        {
            return new(SignatureVerification.Malformed, "The response's Response-Time cannot be read as a time.");
        }

        WarnOfClockDifference(responded);
        if (!_requestTimes.TryParse(requestTime, out var requested) || requested - responded > _tolerance)
        {
            return new(
                SignatureVerification.Outdated,
                $"Response-Time {RequestTime.Format(responded)} is earlier than our Request-Time {requestTime} by more than "
                    + $"{AlipayHkOptions.Section}:{nameof(AlipayHkOptions.ResponseTimeTolerance)} ({_tolerance}): "
                    + "this may be an old response.");
        }

        return new(SignatureVerification.Valid, "");
    }

    private ResponseCheck UnknownKeyVersion(string? keyVersion)
    {
        if (keyVersion is null)
        {
            return new(
                SignatureVerification.UnknownKeyVersion,
                $"The response names no keyVersion, and several of AlipayHK's public keys are configured ({keys.KeyVersions}).");
        }

        var printable = KeyVersionText.IsValid(keyVersion) ? keyVersion : "(not printable)";
        return new(
            SignatureVerification.UnknownKeyVersion,
            $"The response is signed with keyVersion {printable}, for which none of AlipayHK's public keys is configured "
                + $"(configured: {keys.KeyVersions}).");
    }

    private void WarnOfClockDifference(DateTimeOffset time)
    {
        var now = timeProvider.GetUtcNow();
        if ((time - now).Duration() <= TolerableClockDifference) return;

        // Without this limit, a wrong clock would log a line for every item.
        var next = Interlocked.Read(ref _nextWarningTicks);
        if (now.UtcTicks < next) return;
        if (Interlocked.CompareExchange(ref _nextWarningTicks, (now + WarningInterval).UtcTicks, next) != next) return;
        LogClockDifference(logger, (time - now).TotalSeconds);
    }

    [LoggerMessage(
        2101,
        LogLevel.Warning,
        "AlipayHK's Response-Time is {Seconds:F0} s from the local clock. Check this machine's clock: "
            + "AlipayHK may refuse requests with a wrong Request-Time.")]
    private static partial void LogClockDifference(ILogger logger, double seconds);
}

/// <summary>The result of verifying a response's signature.</summary>
/// <param name="Verification">The outcome.</param>
/// <param name="Detail">A sentence with the reason; empty for a valid signature.</param>
public readonly record struct ResponseCheck(SignatureVerification Verification, string Detail);
