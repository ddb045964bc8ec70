using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Web;
using ContentSync.Content;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// A clean-room emulation of what the official .NET SDK does for every call: serializes the body by reflection once to sign and once to
/// send, parses the private and the public key from base64 every time, signs, blocks a thread during the HTTP call, and parses the
/// response into a dictionary. One thread per call, as a caller of a blocking SDK needs.
/// </summary>
internal sealed class SdkBehaviour : IDisposable
{
    private const string Path = "/api/open/alipay/v1/content/synchronize";
    private const int Threads = 64;

    private readonly HttpClient _http = new();
    private readonly Uri _url;
    private readonly string _privateKey;
    private readonly string _publicKey;

    public SdkBehaviour(Peer peer)
    {
        _url = new Uri(peer.Addresses.Gateway, Path);
        _privateKey = Convert.ToBase64String(peer.Ours.ExportPkcs8PrivateKey());
        _publicKey = Convert.ToBase64String(peer.Theirs.ExportSubjectPublicKeyInfo());
    }

    public void Run(IReadOnlyList<ContentItem> items)
    {
        var next = -1;
        Exception? failure = null;
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            try
            {
                while (Interlocked.Increment(ref next) is var i && i < items.Count) Call(items[i]);
            }
            catch (Exception e)
            {
                failure = e;
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        if (failure is not null) throw new InvalidOperationException("The emulation failed.", failure);
    }

    public void Dispose() => _http.Dispose();

    private void Call(ContentItem item)
    {
        var contentInfo = Encoding.UTF8.GetString(item.ContentInfo.Span);
        var request = new Body(Guid.NewGuid().ToString("N"), item.ContentId, item.ContentType, (int)item.ContentStatus, contentInfo);
        var time = DateTime.UtcNow.ToString("o");
        var signature = Sign($"POST {Path}\n{Peer.ClientId}.{time}.{JsonSerializer.Serialize(request)}");
        using var message = new HttpRequestMessage(HttpMethod.Post, _url);
        message.Headers.Add("Client-Id", Peer.ClientId);
        message.Headers.Add("Request-Time", time);
        message.Headers.Add("Signature", $"algorithm=RSA256,keyVersion=1,signature={HttpUtility.UrlEncode(signature, Encoding.UTF8)}");
        message.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(request)));
        message.Content.Headers.Add("Content-Type", "application/json; charset=UTF-8");
        using var response = _http.SendAsync(message).ConfigureAwait(false).GetAwaiter().GetResult();
        var responseBody = response.Content.ReadAsStringAsync().ConfigureAwait(false).GetAwaiter().GetResult();
        var header = response.Headers.GetValues("Signature").First();
        var claimed = HttpUtility.UrlDecode(header.Split("signature=")[1]);
        var responseTime = response.Headers.GetValues("Response-Time").First();
        if (!Verify($"POST {Path}\n{Peer.ClientId}.{responseTime}.{responseBody}", claimed))
            throw new InvalidOperationException("The response's signature does not match.");
        if (!JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, string>>>(responseBody)!.ContainsKey("resultInfo"))
            throw new InvalidOperationException("The response holds no result.");
    }

    private string Sign(string content)
    {
        using var key = RSA.Create();
        key.ImportPkcs8PrivateKey(Convert.FromBase64String(_privateKey), out _);
        return Convert.ToBase64String(key.SignData(Encoding.UTF8.GetBytes(content), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private bool Verify(string content, string signature)
    {
        using var key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(_publicKey), out _);
        return key.VerifyData(
            Encoding.UTF8.GetBytes(content), Convert.FromBase64String(signature), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private sealed record Body(string requestId, string contentId, string contentType, int contentStatus, string contentInfo);
}
