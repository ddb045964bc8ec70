using System.Security.Cryptography;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>
/// Signs a request on its way to the socket: one instant, the same characters in header and string to sign, and the exact
/// bytes of the body. Sits inside the quick retries, so that each try carries a fresh time and signature; and keeps the send
/// budget, which has to be asked before the signature and behind it.
/// </summary>
public sealed class RequestSigningHandler(AlipayHkOptions options, IRequestSigner signer, TimeProvider timeProvider) : DelegatingHandler
{
    private readonly StringToSign _stringToSign = new(options.Path, options.ClientId);
    private readonly string _clientId = options.ClientId;
    private readonly RequestTimes _times = new();
    private readonly SendRateLimiter? _pace = options.MaxSendsPerSecond is null ? null : new SendRateLimiter(options, timeProvider);

    /// <inheritdoc/>
    /// <exception cref="SigningUnavailableException">The signer cannot sign now; nothing was sent.</exception>
    /// <exception cref="SendBudgetExhaustedException">The send budget is spent for longer than a try may wait; nothing was sent.</exception>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // A retry may send the same message object again.
        request.Headers.Remove(WireHeaders.ClientId);
        request.Headers.Remove(WireHeaders.RequestTime);
        request.Headers.Remove(WireHeaders.Signature);
        if (_pace is not null || request.Content is not ExactBody body) return SendStepByStepAsync(request, cancellationToken);

        // A key in this process signs at once; then no task of our own is needed.
        var time = _times.Format(timeProvider.GetUtcNow());
        var signing = SignAsync(time, body.Bytes, cancellationToken);
        return signing.IsCompletedSuccessfully ? SignedAsync(request, time, signing.Result, cancellationToken) : SendWhenSignedAsync(request, time, signing, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendStepByStepAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (_pace is not null) await _pace.WaitToSignAsync(cancellationToken);
        var bytes = await BufferAsync(request.Content, cancellationToken);
        var time = _times.Format(timeProvider.GetUtcNow());
        var signature = await SignAsync(time, bytes, cancellationToken);
        if (_pace is not null) await _pace.WaitToSendAsync(cancellationToken);
        return await SignedAsync(request, time, signature, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendWhenSignedAsync(HttpRequestMessage request, string time, ValueTask<RequestSignature> signing, CancellationToken cancellationToken) =>
        await SignedAsync(request, time, await signing, cancellationToken);

    private ValueTask<RequestSignature> SignAsync(string time, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var hash = new byte[SHA256.HashSizeInBytes];
        _stringToSign.Hash(time, bytes.Span, hash);
        return signer.SignAsync(hash, cancellationToken);
    }

    private Task<HttpResponseMessage> SignedAsync(HttpRequestMessage request, string time, RequestSignature signature, CancellationToken cancellationToken)
    {
        request.Headers.TryAddWithoutValidation(WireHeaders.ClientId, _clientId);
        request.Headers.TryAddWithoutValidation(WireHeaders.RequestTime, time);
        request.Headers.TryAddWithoutValidation(WireHeaders.Signature, SignatureHeader.Format(signature.KeyVersion, signature.Value.Span));
        (request.Content as ExactBody)?.WasSent = true;
        return base.SendAsync(request, cancellationToken);
    }

    // Buffered content is sent from the same buffer that is read here.
    private static async ValueTask<ReadOnlyMemory<byte>> BufferAsync(HttpContent? content, CancellationToken cancellationToken)
    {
        if (content is null) return default;
        if (content is ExactBody body) return body.Bytes;
        await content.LoadIntoBufferAsync(cancellationToken);
        return await content.ReadAsByteArrayAsync(cancellationToken);
    }
}

/// <summary>Names of the protocol's own headers.</summary>
internal static class WireHeaders
{
    public const string ClientId = "Client-Id";
    public const string RequestTime = "Request-Time";
    public const string ResponseTime = "Response-Time";
    public const string Signature = "Signature";
    public const string Encrypt = "Encrypt";
    public const string TracerId = "Tracer-Id";

    /// <summary>As an integrator met it on this gateway.</summary>
    public const string TracerIdOtherSpelling = "tracerId";

    public const string RetryAfter = "Retry-After";

    /// <summary>Content-Type of an unencrypted request.</summary>
    public const string JsonContentType = "application/json; charset=UTF-8";

    /// <summary>The header's text as it came, null where there is none; several lines of one name joined by a comma, as HTTP allows.</summary>
    public static string? Find(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}
