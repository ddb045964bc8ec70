using System.Net;
using System.Security.Cryptography;
using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Signing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

/// <summary>
/// Replaces the socket: sends scripted responses, signs them with its own key and records the requests. Builds its strings to sign
/// without the client's code.
/// </summary>
internal sealed class FakeAlipayHk : HttpMessageHandler
{
    public const string ClientId = "4Q5Y8W0WSG45P907917";
    public const string SuccessJson = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}""";

    private readonly Queue<Func<SentRequest, CancellationToken, Task<HttpResponseMessage>>> _script = new();

    public static RSA GatewayKey { get; } = RSA.Create(2048);

    public static RSA OurKey { get; } = RSA.Create(2048);

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public List<SentRequest> Sent { get; } = [];

    /// <summary>Responds after the script has ended.</summary>
    public Func<SentRequest, CancellationToken, Task<HttpResponseMessage>>? Always { get; set; }

    public AlipayHkOptions Options { get; } = new()
    {
        BaseAddress = new Uri("https://gateway.example"),
        ClientId = ClientId,
        PublicKeys = [new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = GatewayKey.ExportSubjectPublicKeyInfoPem() }],
    };

    public static ContentItem Item(string contentInfo = """{"name":"凍檸茶"}""") => new()
    {
        ContentId = "TEA-1",
        ContentType = "SKU",
        ContentStatus = ContentStatus.Valid,
        ContentInfo = Encoding.UTF8.GetBytes(contentInfo),
        Hash = default,
    };

    public static ReadOnlyMemory<byte> Body() => SynchronizeRequest.Prepare(Item(), "0123456789abcdef0123456789abcdef");

    public AlipayHkClient Client(IRequestSigner? signer = null, ILoggerFactory? loggers = null, RequestIdSource? requestIds = null) =>
        AlipayHkClient.Create(
            Options,
            signer ?? new FixedKeySigner(OurKey),
            Time,
            loggers ?? NullLoggerFactory.Instance,
            this,
            requestIds,
            jitter: new FixedJitter());

    public FakeAlipayHk Then(HttpResponseMessage response) => Then((_, _) => Task.FromResult(response));

    public FakeAlipayHk Then(Exception exception) => Then((_, _) => Task.FromException<HttpResponseMessage>(exception));

    public FakeAlipayHk Then(Func<SentRequest, CancellationToken, Task<HttpResponseMessage>> respond)
    {
        _script.Enqueue(respond);
        return this;
    }

    public static HttpResponseMessage Unsigned(string body, int status = 200) => new((HttpStatusCode)status)
    {
        Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
    };

    /// <summary>Signs a response at the time of AlipayHK's clock, which is <paramref name="ahead"/> of ours.</summary>
    public HttpResponseMessage Signed(
        string body, int status = 200, string keyVersion = "1", RSA? key = null, string? signedBody = null, TimeSpan ahead = default)
    {
        var response = Unsigned(body, status);
        var time = (Time.GetUtcNow() + ahead).ToString("yyyy-MM-ddTHH:mm:ss", System.Globalization.CultureInfo.InvariantCulture) + "Z";
        var stringToSign = "POST /api/open/alipay/v1/content/synchronize\n" + ClientId + "." + time + "." + (signedBody ?? body);
        var signature = (key ?? GatewayKey).SignData(Encoding.UTF8.GetBytes(stringToSign), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        response.Headers.TryAddWithoutValidation("Client-Id", ClientId);
        response.Headers.TryAddWithoutValidation("Response-Time", time);
        var encoded = Uri.EscapeDataString(Convert.ToBase64String(signature));
        response.Headers.TryAddWithoutValidation("Signature", $"algorithm=RSA256,keyVersion={keyVersion},signature={encoded}");
        return response;
    }

    public static string Result(string code, string status, string message = "said so") =>
        $$$"""{"resultInfo":{"resultCode":"{{{code}}}","resultStatus":"{{{status}}}","resultMessage":"{{{message}}}"}}""";

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
        var headers = request.Headers.Concat(request.Content.Headers).ToDictionary(
            header => header.Key,
            header => string.Join("|", header.Value),
            StringComparer.OrdinalIgnoreCase);
        var sent = new SentRequest(request.Method.Method, request.RequestUri!, headers, body);
        Sent.Add(sent);
        var respond = _script.Count > 0 ? _script.Dequeue() : Always ?? throw new InvalidOperationException("The script has ended.");
        return await respond(sent, cancellationToken);
    }
}

internal sealed record SentRequest(string Method, Uri Url, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public bool SignatureMatches(RSA key)
    {
        var header = Headers["Signature"];
        var value = Uri.UnescapeDataString(header[(header.IndexOf("signature=", StringComparison.Ordinal) + "signature=".Length)..]);
        var prefix = Encoding.UTF8.GetBytes($"POST {Url.AbsolutePath}\n{Headers["Client-Id"]}.{Headers["Request-Time"]}.");
        byte[] stringToSign = [.. prefix, .. Body];
        return key.VerifyData(stringToSign, Convert.FromBase64String(value), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }
}

/// <summary>Signs with a key that it does not own, and cannot decrypt.</summary>
internal sealed class FixedKeySigner(RSA key, string keyVersion = "7") : IRequestSigner
{
    public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new RequestSignature(keyVersion, key.SignHash(sha256.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)));
}
