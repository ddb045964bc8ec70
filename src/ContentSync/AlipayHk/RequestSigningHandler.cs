using System.Security.Cryptography;
using ContentSync.Budget;
using ContentSync.Diagnostics.Trends;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>
/// Signs a request on its way to the socket: the Request-Time header and the string to sign carry the same characters, and the
/// signature covers the exact bytes of the body. Runs inside the immediate retries, so every request has a fresh time and
/// signature. Also applies the rate limiter, which must wait both before and after signing.
/// </summary>
public sealed class RequestSigningHandler(
    AlipayHkOptions options, IRequestSigner signer, TimeProvider timeProvider, SendBudget budget, TrendRecorder? trends = null)
    : DelegatingHandler
{
    private readonly StringToSign _stringToSign = new(options.Path, options.ClientId);
    private readonly string _clientId = options.ClientId;
    private readonly RequestTimeCache _times = new();
    private readonly SendRateLimiter? _rateLimiter =
        budget.Ceiling is null ? null : new SendRateLimiter(budget, options.RequestTimeout / 2, timeProvider);

    /// <inheritdoc/>
    /// <exception cref="SigningUnavailableException">The signer is unavailable; nothing was sent.</exception>
    /// <exception cref="SendBudgetExhaustedException">The request's turn is too far away; nothing was sent.</exception>
    /// <exception cref="SendTooLateException">The process was held up for longer than the call may take; nothing was sent.</exception>
    /// <exception cref="ProbeLostException">The claim on the app's probe is over; nothing was sent.</exception>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // The same message object may be sent again.
        request.Headers.Remove(WireHeaders.ClientId);
        request.Headers.Remove(WireHeaders.RequestTime);
        request.Headers.Remove(WireHeaders.Signature);
        if (_rateLimiter is not null || request.Content is not ExactBody body) return SendStepByStepAsync(request, cancellationToken);

        // A key in this process signs synchronously, so no state machine is needed.
        var time = _times.Format(timeProvider.GetUtcNow());
        var signing = SignAsync(time, body.Bytes, cancellationToken);
        return signing.IsCompletedSuccessfully
            ? SendSignedAsync(request, time, signing.Result, cancellationToken)
            : SendWhenSignedAsync(request, time, signing, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendStepByStepAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (_rateLimiter is not null) await _rateLimiter.WaitToSignAsync(cancellationToken).ConfigureAwait(false);
        var bytes = await BufferAsync(request.Content, cancellationToken).ConfigureAwait(false);
        var time = _times.Format(timeProvider.GetUtcNow());
        var signature = await SignAsync(time, bytes, cancellationToken).ConfigureAwait(false);
        if (_rateLimiter is not null) await _rateLimiter.WaitToSendAsync(cancellationToken).ConfigureAwait(false);
        return await SendSignedAsync(request, time, signature, cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendWhenSignedAsync(
        HttpRequestMessage request,
        string time,
        ValueTask<RequestSignature> signing,
        CancellationToken cancellationToken) =>
        await SendSignedAsync(request, time, await signing.ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    private ValueTask<RequestSignature> SignAsync(string time, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var hash = new byte[SHA256.HashSizeInBytes];
        _stringToSign.Hash(time, bytes.Span, hash);
        if (trends is null) return signer.SignAsync(hash, cancellationToken);
        var startedAt = timeProvider.GetTimestamp();
        var signing = signer.SignAsync(hash, cancellationToken);
        if (!signing.IsCompletedSuccessfully) return CountedAsync(signing, startedAt);
        trends.CountSignature(timeProvider.GetElapsedTime(startedAt));
        return signing;
    }

    private async ValueTask<RequestSignature> CountedAsync(ValueTask<RequestSignature> signing, long startedAt)
    {
        var signature = await signing.ConfigureAwait(false);
        trends!.CountSignature(timeProvider.GetElapsedTime(startedAt));
        return signature;
    }

    private Task<HttpResponseMessage> SendSignedAsync(
        HttpRequestMessage request,
        string time,
        RequestSignature signature,
        CancellationToken cancellationToken)
    {
        request.Headers.TryAddWithoutValidation(WireHeaders.ClientId, _clientId);
        request.Headers.TryAddWithoutValidation(WireHeaders.RequestTime, time);
        request.Headers.TryAddWithoutValidation(WireHeaders.Signature, SignatureHeader.Format(signature.KeyVersion, signature.Value.Span));
        if (request.Content is not ExactBody body) return base.SendAsync(request, cancellationToken);
        if (body.Deadline is { IsOver: true }) return Task.FromException<HttpResponseMessage>(new SendTooLateException());
        if (body.Probe is { IsOver: true }) return Task.FromException<HttpResponseMessage>(new ProbeLostException());
        body.WasSent = true;
        return base.SendAsync(request, cancellationToken);
    }

    // Once buffered, content is sent from the same buffer that is signed.
    private static async ValueTask<ReadOnlyMemory<byte>> BufferAsync(HttpContent? content, CancellationToken cancellationToken)
    {
        if (content is null) return default;
        if (content is ExactBody body) return body.Bytes;
        await content.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false);
        return await content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>The process was held up for so long that another one may probe by now. Nothing was sent.</summary>
internal sealed class ProbeLostException() : Exception("The probe did not leave in time, so that another process may send it; nothing was sent.");

/// <summary>The process was held up for so long that the lease of the item may be over. Nothing was sent.</summary>
internal sealed class SendTooLateException()
    : Exception("The process was held up for longer than the total timeout, so that another one may send the item; nothing was sent.");

/// <summary>Header names of AlipayHK's protocol.</summary>
internal static class WireHeaders
{
    public const string ClientId = "Client-Id";
    public const string RequestTime = "Request-Time";
    public const string ResponseTime = "Response-Time";
    public const string Signature = "Signature";
    public const string Encrypt = "Encrypt";
    public const string TracerId = "Tracer-Id";

    /// <summary>Undocumented, but an integrator has received it from this gateway.</summary>
    public const string TracerIdAlternative = "tracerId";

    public const string RetryAfter = "Retry-After";

    /// <summary>Content-Type of an unencrypted request.</summary>
    public const string JsonContentType = "application/json; charset=UTF-8";

    /// <summary>Returns the raw header text, or null. Joins repeated headers with a comma, as HTTP allows.</summary>
    public static string? Find(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}
