using System.Security.Cryptography;
using ContentSync.Signing;

namespace ContentSync.Local.Pipeline;

/// <summary>Counts what costs money and quota: signatures, and requests to AlipayHK including immediate retries.</summary>
public sealed class CallCounter
{
    private long _signatures;
    private long _alipayHkCalls;

    public long Signatures => Interlocked.Read(ref _signatures);

    public long AlipayHkCalls => Interlocked.Read(ref _alipayHkCalls);

    /// <summary>Wraps the signer to count its signatures.</summary>
    public IRequestSigner Counting(RsaRequestSigner signer) => new CountingSigner(this, signer);

    /// <summary>Wraps the innermost handler to count the requests that are really sent.</summary>
    public HttpMessageHandler Counting(HttpMessageHandler socket) => new CountingHandler(this) { InnerHandler = socket };

    private sealed class CountingSigner(CallCounter counter, RsaRequestSigner signer) : IRequestSigner, IKeyUnwrapper
    {
        public ValueTask<byte[]?> UnwrapAsync(ReadOnlyMemory<byte> wrappedKey, RSAEncryptionPadding padding, CancellationToken cancellationToken) =>
            signer.UnwrapAsync(wrappedKey, padding, cancellationToken);

        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref counter._signatures);
            return signer.SignAsync(sha256, cancellationToken);
        }
    }

    private sealed class CountingHandler(CallCounter counter) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref counter._alipayHkCalls);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
