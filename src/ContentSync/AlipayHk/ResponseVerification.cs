using System.Security.Cryptography;
using ContentSync.Signing;
using Microsoft.Extensions.Logging;

namespace ContentSync.AlipayHk;

/// <summary>
/// Checks an answer's signature over <c>POST SP path LF Client-Id "." Response-Time "." raw body</c>, before anything reads the
/// body. The Client-Id is our own: an answer made out to another one is refused.
/// </summary>
public sealed partial class ResponseVerification(AlipayHkOptions options, AlipayHkKeys keys, TimeProvider timeProvider, ILogger<ResponseVerification> logger)
{
    /// <summary>From which difference between Response-Time and the local clock on a warning is logged. AlipayHK documents no limit, so no answer is refused for it.</summary>
    public static readonly TimeSpan TolerableClockDifference = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan WarningInterval = TimeSpan.FromMinutes(1);

    private readonly StringToSign _stringToSign = new(options.Path, options.ClientId);
    private readonly string _clientId = options.ClientId;
    private readonly RequestTimes _times = new();
    private long _nextWarningTicks;

    /// <summary>Checks one answer. Never throws on hostile headers or bytes.</summary>
    /// <param name="signature">The Signature header, null where there is none.</param>
    /// <param name="responseTime">The Response-Time header, null where there is none.</param>
    /// <param name="clientId">The Client-Id header, null where there is none.</param>
    /// <param name="body">The body as it was received.</param>
    public ResponseCheck Check(string? signature, string? responseTime, string? clientId, ReadOnlySpan<byte> body)
    {
        if (signature is null && responseTime is null) return new(SignatureVerification.Unsigned, "The answer carries neither Signature nor Response-Time.");
        if (signature is null) return new(SignatureVerification.Incomplete, "The answer carries Response-Time but no Signature.");
        if (responseTime is null) return new(SignatureVerification.Incomplete, "The answer carries Signature but no Response-Time.");

        var fault = SignatureHeader.TryParse(signature, out var header);
        if (fault == HeaderFault.UnsupportedAlgorithm) return new(SignatureVerification.UnsupportedAlgorithm, $"The answer is not signed with {SignatureHeader.Algorithm}. {RsaKeyText.EccRefusal}.");
        if (fault != HeaderFault.None) return new(SignatureVerification.Malformed, $"The answer's Signature header cannot be read ({fault}).");
        if (clientId is not null && clientId != _clientId) return new(SignatureVerification.Invalid, "The answer's Client-Id is not ours.");
        if (!keys.TryFind(header.KeyVersion, out var key)) return UnknownKeyVersion(header.KeyVersion);

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _stringToSign.Hash(responseTime, body, hash);
        if (!key.VerifyHash(hash, header.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
        {
            return new(SignatureVerification.Invalid, "The answer's signature does not match its body, time and path under the configured partner key.");
        }

        WarnOfClockDifference(responseTime);
        return new(SignatureVerification.Valid, "");
    }

    private ResponseCheck UnknownKeyVersion(string? keyVersion) => new(SignatureVerification.UnknownKeyVersion, keyVersion is null
        ? $"The answer names no keyVersion and several partner keys are configured ({keys.KeyVersions})."
        : $"The answer is signed with keyVersion {(KeyVersionText.IsValid(keyVersion) ? keyVersion : "(not printable)")}, for which no partner key is configured (configured: {keys.KeyVersions}).");

    private void WarnOfClockDifference(string responseTime)
    {
        var now = timeProvider.GetUtcNow();
        if (!_times.TryParse(responseTime, out var time) || (time - now).Duration() <= TolerableClockDifference) return;

        // One clock that is wrong would otherwise fill the log with a line per item.
        var next = Interlocked.Read(ref _nextWarningTicks);
        if (now.UtcTicks < next || Interlocked.CompareExchange(ref _nextWarningTicks, (now + WarningInterval).UtcTicks, next) != next) return;
        LogClockDifference(logger, (time - now).TotalSeconds);
    }

    [LoggerMessage(2101, LogLevel.Warning, "AlipayHK's Response-Time is {Seconds:F0} s from the local clock. Check that this machine's clock is synchronised: AlipayHK may refuse requests with a wrong Request-Time.")]
    private static partial void LogClockDifference(ILogger logger, double seconds);
}

/// <param name="Verification">What the check came to.</param>
/// <param name="Detail">A sentence that says why; empty for a valid signature.</param>
public readonly record struct ResponseCheck(SignatureVerification Verification, string Detail);
