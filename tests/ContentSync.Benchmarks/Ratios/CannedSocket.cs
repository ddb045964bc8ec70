using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>Replaces the socket with one correctly signed response, so that allocations outside HttpClient can be counted.</summary>
internal sealed class CannedSocket : HttpMessageHandler
{
    private static readonly byte[] Body = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}"""u8.ToArray();

    private readonly string _time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:sszzz", System.Globalization.CultureInfo.InvariantCulture);
    private readonly string _signature;

    public CannedSocket(Peer peer)
    {
        var content = Encoding.UTF8.GetBytes(
            $"POST /api/open/alipay/v1/content/synchronize\n{Peer.ClientId}.{_time}.{Encoding.UTF8.GetString(Body)}");
        var signature = peer.Theirs.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        _signature = $"algorithm=RSA256,keyVersion=1,signature={Uri.EscapeDataString(Convert.ToBase64String(signature))}";
    }

    /// <summary>Bytes that this replacement itself allocates per call.</summary>
    public long AllocatedPerCall()
    {
        const int Calls = 1_000;
        using var request = new HttpRequestMessage();
        for (var i = 0; i < Calls; i++) Respond(request).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Calls; i++) Respond(request).Dispose();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Calls;
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.FromResult(Respond(request));

    private HttpResponseMessage Respond(HttpRequestMessage request)
    {
        var response = new HttpResponseMessage(HttpStatusCode.OK) { RequestMessage = request, Content = new ByteArrayContent(Body) };
        response.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json; charset=UTF-8");
        response.Headers.TryAddWithoutValidation("Client-Id", Peer.ClientId);
        response.Headers.TryAddWithoutValidation("Response-Time", _time);
        response.Headers.TryAddWithoutValidation("Signature", _signature);
        response.Headers.TryAddWithoutValidation("Tracer-Id", "abcdefg135202000000000263818");
        return response;
    }
}
