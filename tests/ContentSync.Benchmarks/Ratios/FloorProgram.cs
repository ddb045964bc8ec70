using System.Net;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Signing;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// The minimum that a hand-written program must do to send an item to AlipayHK: build body and header, get a signature, make one HTTP
/// call, verify the response. No ledger, no retries, no validation beyond the signature.
/// </summary>
internal sealed class FloorProgram(Peer peer, IRequestSigner signer) : IDisposable
{
    private const string Path = "/api/open/alipay/v1/content/synchronize";
    private const int Workers = 64;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
    });
    private readonly Uri _synchronize = new(peer.Addresses.Gateway, Path);

    public async Task RunAsync(IReadOnlyList<ContentItem> items)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(async _ =>
        {
            await Task.Yield();
            while (Interlocked.Increment(ref next) is var i && i < items.Count) await SendAsync(items[i]).ConfigureAwait(false);
        })).ConfigureAwait(false);
    }

    public void Dispose() => _http.Dispose();

    private async Task SendAsync(ContentItem item)
    {
        var body = AlipayHk.SynchronizeRequest.Prepare(item, Guid.NewGuid().ToString("N"));
        var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:sszzz", System.Globalization.CultureInfo.InvariantCulture);
        var signature = await signer.SignAsync(Digest(time, body.Span), CancellationToken.None).ConfigureAwait(false);
        using var request = new HttpRequestMessage(HttpMethod.Post, _synchronize);
        request.Content = new ReadOnlyMemoryContent(body);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json; charset=UTF-8");
        request.Headers.TryAddWithoutValidation("Client-Id", Peer.ClientId);
        request.Headers.TryAddWithoutValidation("Request-Time", time);
        request.Headers.TryAddWithoutValidation(
            "Signature", "algorithm=RSA256,keyVersion=1,signature=" + Uri.EscapeDataString(Convert.ToBase64String(signature.Value.Span)));
        using var response = await _http.SendAsync(request, CancellationToken.None).ConfigureAwait(false);
        var responseBody = await response.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
        var header = response.Headers.NonValidated["Signature"].ToString();
        var claimed = Convert.FromBase64String(Uri.UnescapeDataString(header[(header.LastIndexOf("signature=", StringComparison.Ordinal) + 10)..]));
        var digest = Digest(response.Headers.NonValidated["Response-Time"].ToString(), responseBody);
        var isValid = peer.Theirs.VerifyHash(digest, claimed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        if (!isValid || response.StatusCode != HttpStatusCode.OK || responseBody.AsSpan().IndexOf("\"SUCCESS\""u8) < 0)
            throw new InvalidOperationException("The floor program did not receive a signed success.");
    }

    private static byte[] Digest(string time, ReadOnlySpan<byte> body)
    {
        var prefix = Encoding.UTF8.GetBytes($"POST {Path}\n{Peer.ClientId}.{time}.");
        var content = new byte[prefix.Length + body.Length];
        prefix.CopyTo(content, 0);
        body.CopyTo(content.AsSpan(prefix.Length));
        return SHA256.HashData(content);
    }
}
