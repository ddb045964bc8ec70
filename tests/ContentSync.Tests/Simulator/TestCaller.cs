using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Simulator;

namespace ContentSync.Tests.Simulator;

/// <summary>A running simulator and a caller with its own signing code, in steps that a test can tamper with.</summary>
internal sealed class TestCaller : IAsyncDisposable
{
    public const string ClientId = "TEST_CLIENT_01";
    public const string Path = "/api/open/alipay/v1/content/synchronize";

    private static readonly RSA CallerKey = RSA.Create(2048);
    private static readonly RSA AlipayHkKey = RSA.Create(2048);

    private readonly HttpClient _http;

    private TestCaller(SimulatedGateway gateway)
    {
        Gateway = gateway;
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = gateway.Address };
    }

    public SimulatedGateway Gateway { get; }

    public RSA Key { get; init; } = CallerKey;

    public static SimulatedGatewayOptions Options { get; } = new()
    {
        ClientId = ClientId,
        ContentTypes = [.. new ContentOptions().ContentTypes],
        CallerKeys = [new RegisteredKey("1", Convert.ToBase64String(CallerKey.ExportSubjectPublicKeyInfo()))],
        Key = new GatewayKey("1", AlipayHkKey.ExportPkcs8PrivateKeyPem()),
    };

    public static async Task<TestCaller> StartAsync(SimulatedGatewayOptions? options = null, TimeProvider? time = null) =>
        new(await SimulatedGateway.StartAsync(options ?? Options, time ?? TimeProvider.System, null, CancellationToken.None));

    public static Task<TestCaller> StartAsync(string faults) => StartAsync(Options with { Faults = GatewayFaults.Parse(faults) });

    public static string Body(
        string contentId = "sku-1", string contentType = "SKU", int contentStatus = 1, object? contentInfo = null, string? requestId = null) =>
        JsonSerializer.Serialize(new
        {
            requestId = requestId ?? Guid.NewGuid().ToString("N"),
            contentId,
            contentType,
            contentStatus,
            contentInfo = JsonSerializer.Serialize(contentInfo ?? new { title = "奶茶" }),
        });

    public HttpRequestMessage Request(string body, Action<Parts>? tamper = null)
    {
        var parts = new Parts { Body = Encoding.UTF8.GetBytes(body) };
        tamper?.Invoke(parts);
        var head = Encoding.UTF8.GetBytes($"POST {Path}\n{parts.SignedClientId}.{parts.RequestTime}.");
        byte[] signed = [.. head, .. parts.SignedBody ?? parts.Body];
        var signature = (parts.Key ?? Key).SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var value = Uri.EscapeDataString(Convert.ToBase64String(signature));
        var request = new HttpRequestMessage(parts.Method, parts.Path) { Content = new ByteArrayContent(parts.Body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", parts.ContentType);
        if (parts.ClientId is not null) request.Headers.TryAddWithoutValidation("Client-Id", parts.ClientId);
        if (parts.RequestTime is not null) request.Headers.TryAddWithoutValidation("Request-Time", parts.RequestTime);
        if (parts.Encrypt is not null) request.Headers.TryAddWithoutValidation("Encrypt", parts.Encrypt);
        var header = parts.SignatureHeader($"algorithm=RSA256,keyVersion=1,signature={value}", value);
        if (header is not null) request.Headers.TryAddWithoutValidation("Signature", header);
        return request;
    }

    public async Task<Response> SendAsync(string body, Action<Parts>? tamper = null, CancellationToken cancellationToken = default)
    {
        using var request = Request(body, tamper);
        using var response = await _http.SendAsync(request, cancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return new Response((int)response.StatusCode, response.Headers, response.Content.Headers, bytes);
    }

    public async Task<(int Status, string Text)> AdminAsync(HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await _http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public static bool IsSigned(Response response, RSA? key = null)
    {
        var parts = response.Header("Signature")?.Split(',').Select(part => part.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        if (parts is null) return false;
        var text = $"POST {Path}\n{response.Header("Client-Id")}.{response.Header("Response-Time")}.";
        byte[] signed = [.. Encoding.UTF8.GetBytes(text), .. response.Body];
        return (key ?? AlipayHkKey).VerifyData(
            signed,
            Convert.FromBase64String(Uri.UnescapeDataString(parts["signature"])),
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Gateway.DisposeAsync();
    }

    internal sealed class Parts
    {
        public HttpMethod Method { get; set; } = HttpMethod.Post;

        public string Path { get; set; } = TestCaller.Path;

        public string? ClientId { get; set; } = TestCaller.ClientId;

        public string SignedClientId { get; set; } = TestCaller.ClientId;

        public string? RequestTime { get; set; } = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

        public string ContentType { get; set; } = "application/json; charset=UTF-8";

        public string? Encrypt { get; set; }

        public RSA? Key { get; set; }

        public required byte[] Body { get; set; }

        public byte[]? SignedBody { get; set; }

        /// <summary>Maps the correct header and the bare signature to the header that is sent; null sends none.</summary>
        public Func<string, string, string?> SignatureHeader { get; set; } = (header, _) => header;
    }

    internal sealed record Response(int Status, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, byte[] Body)
    {
        public JsonElement Json => JsonDocument.Parse(Body).RootElement;

        public string? Code => Json.GetProperty("resultInfo").GetProperty("resultCode").GetString();

        public string? Message => Json.GetProperty("resultInfo").GetProperty("resultMessage").GetString();

        public string? ResultStatus => Json.GetProperty("resultInfo").GetProperty("resultStatus").GetString();

        public string? TemplateCode => Json.GetProperty("templateCode").GetString();

        public string? TemplateStatus => Json.GetProperty("templateStatus").GetString();

        public string? Header(string name) => Headers.TryGetValues(name, out var values) ? string.Join(",", values) : null;
    }
}
