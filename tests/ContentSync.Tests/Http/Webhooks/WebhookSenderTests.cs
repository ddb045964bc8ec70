using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Http.Webhooks;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace ContentSync.Tests.Http.Webhooks;

public sealed class WebhookSenderTests : IClassFixture<WebhookSenderTests.SigningKeys>, IDisposable
{
    private const string Webhook = "/api/webhooks/content";
    private const string Shopify = "X-Shopify-Hmac-SHA256";
    private const string WooCommerce = "X-WC-Webhook-Signature";
    private const string Tenant = "11111111-2222-3333-4444-555555555555";
    private const string Application = "66666666-7777-8888-9999-000000000000";
    private const string EventGrid = "4962773b-9cdb-44cf-a8bf-237846a00ab7";

    private readonly SigningKeys _signingKeys;
    private readonly FakeEntraKeys _keys = new();
    private readonly ApiHarness _api;

    public WebhookSenderTests(SigningKeys signingKeys)
    {
        _signingKeys = signingKeys;
        _keys.Keys = [new RsaSecurityKey(_signingKeys.Tenants.ExportParameters(includePrivateParameters: false)) { KeyId = "1" }];
        _api = new ApiHarness(
            new WebhookOptions
            {
                Secrets = { ApiHarness.Secret },
                ShopifySecrets = { "old", "hush" },
                WooCommerceSecrets = { "hush" },
                EventGrid = new EventGridOptions { TenantId = Tenant, ApplicationId = Application },
            },
            entraKeys: _keys);
    }

    public void Dispose() => _api.Dispose();

    // The vector of Shopify's documentation of webhooks: printf '{"id":1}' | openssl dgst -sha256 -hmac hush -binary | base64
    [Theory]
    [InlineData(Shopify, "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=", true)]
    [InlineData(WooCommerce, "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=", true)]
    [InlineData(Shopify, "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeA=", false)]
    [InlineData(Shopify, "VnKUjZsL", false)]
    [InlineData(WooCommerce, "not base64", false)]
    public async Task A_shop_signs_the_body_alone(string header, string signature, bool isAuthentic)
    {
        var response = await _api.PostAsync(Webhook, """{"id":1}""", headers: (header, signature));

        // An authentic body is then read, and is not an item.
        Assert.Equal(isAuthentic ? 400 : 401, response.Status);
    }

    [Fact]
    public async Task A_repeat_without_a_signed_id_is_recognised_by_its_body()
    {
        var item = ApiHarness.Item("A");
        Assert.Equal(202, (await SendSignedAsync(Shopify, item)).Status);
        _api.Time.Advance(TimeSpan.FromHours(4));

        var repeat = await SendSignedAsync(Shopify, item);

        Assert.Equal(200, repeat.Status);
        Assert.True(repeat.Json.GetProperty("duplicate").GetBoolean());
        Assert.Equal(202, (await SendSignedAsync(Shopify, ApiHarness.Item("A", "other"))).Status);
    }

    [Fact]
    public async Task A_body_that_was_not_accepted_is_no_repeat()
    {
        _api.Ledger.Unavailable = new ContentSync.Ledger.LedgerUnavailableException("Unavailable.");
        Assert.Equal(503, (await SendSignedAsync(WooCommerce, ApiHarness.Item("A"))).Status);
        _api.Ledger.Unavailable = null;

        Assert.Equal(202, (await SendSignedAsync(WooCommerce, ApiHarness.Item("A"))).Status);
    }

    [Fact]
    public async Task The_unsigned_test_of_a_shop_is_answered_with_200_and_accepts_nothing()
    {
        Assert.Equal(200, (await _api.PostAsync(Webhook, "webhook_id=1", "application/x-www-form-urlencoded")).Status);
        Assert.Empty(_api.Queue.Messages);
        using var withoutShop = new ApiHarness();
        Assert.Equal(415, (await withoutShop.PostAsync(Webhook, "webhook_id=1", "application/x-www-form-urlencoded")).Status);
    }

    [Theory]
    [InlineData("webhook_id=1&contentId=A")]
    [InlineData("webhook_id=A")]
    [InlineData("id=1")]
    public async Task Any_other_unsigned_form_is_refused(string form) =>
        Assert.Equal(415, (await _api.PostAsync(Webhook, form, "application/x-www-form-urlencoded")).Status);

    [Theory]
    [InlineData("svix")]
    [InlineData("webhook")]
    public async Task Both_names_of_the_standard_headers_are_read(string prefix)
    {
        const string Body = """{"specversion":"1.0","id":"1","source":"/shop","type":"content.changed","data":{}}""";
        var seconds = _api.Time.GetUtcNow().ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        var key = Convert.FromBase64String(ApiHarness.Secret["whsec_".Length..]);
        var signature = "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"msg_1.{seconds}.{Body}")));
        (string, string)[] headers = [($"{prefix}-id", "msg_1"), ($"{prefix}-timestamp", seconds), ($"{prefix}-signature", signature)];

        Assert.Equal(400, (await _api.PostAsync(Webhook, Body, "application/cloudevents+json", headers)).Status);
        headers[0].Item2 = "msg_2";
        Assert.Equal(401, (await _api.PostAsync(Webhook, Body, "application/cloudevents+json", headers)).Status);
    }

    [Theory]
    [InlineData("2.0")]
    [InlineData("1.0")]
    public async Task Event_grid_delivers_with_a_token_of_the_tenant(string version)
    {
        Assert.Equal(202, (await DeliverAsync(Token(version: version))).Status);
        Assert.Equal("A", Assert.Single(_api.Queue.Messages).ContentId);
        Assert.True((await DeliverAsync(Token(version: version))).Json.GetProperty("duplicate").GetBoolean());
    }

    public static TheoryData<string> WrongTokens => ["issuer", "audience", "role", "application", "expired", "early", "key", "algorithm", "none", "text"];

    [Theory]
    [MemberData(nameof(WrongTokens))]
    public async Task A_token_that_is_not_event_grids_is_refused(string wrong)
    {
        var now = _api.Time.GetUtcNow();
        var token = wrong switch
        {
            "issuer" => Token(issuer: "https://login.microsoftonline.com/99999999-2222-3333-4444-555555555555/v2.0"),
            "audience" => Token(audience: "99999999-7777-8888-9999-000000000000"),
            "role" => Token(role: "Reader"),
            "application" => Token(application: "99999999-9cdb-44cf-a8bf-237846a00ab7"),
            "expired" => Token(expires: now.AddMinutes(-6)),
            "early" => Token(notBefore: now.AddMinutes(6)),
            "key" => Token(key: new RsaSecurityKey(_signingKeys.Others) { KeyId = "2" }),
            "algorithm" => Token(key: new SymmetricSecurityKey(new byte[64]) { KeyId = "1" }, algorithm: SecurityAlgorithms.HmacSha256),
            "none" => Token(algorithm: "none"),
            _ => "not.a.token",
        };

        Assert.Equal(401, (await DeliverAsync(token)).Status);
        Assert.Empty(_api.Queue.Messages);
        Assert.Equal(wrong == "key", _keys.WasRefreshRequested);
    }

    [Fact]
    public async Task A_delivery_waits_until_the_keys_can_be_read()
    {
        _keys.Keys = null;

        var response = await DeliverAsync(Token());

        Assert.Equal(503, response.Status);
        Assert.True(response.Headers.ContainsKey("Retry-After"));
    }

    [Theory]
    [InlineData("/api/content")]
    [InlineData("/api/content/batch")]
    [InlineData("/api/content/preview")]
    [InlineData(Webhook)]
    public async Task Every_route_refuses_a_compressed_body_in_the_same_way(string route)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true)) gzip.Write("{}"u8);
        (string, string) type = ("Content-Type", route == Webhook ? "application/cloudevents+json" : "application/json");

        foreach (var headers in new (string, string)[][] { [type], [type, ("Content-Encoding", "gzip")] })
        {
            var response = await _api.SendAsync("POST", route, packed.ToArray(), headers);
            Assert.Equal(415, response.Status);
            Assert.Equal("Compressed.", response.Json.GetProperty("title").GetString());
        }
    }

    private Task<ApiResponse> SendSignedAsync(string header, string body) => _api.PostAsync(
        Webhook, body, headers: (header, Convert.ToBase64String(HMACSHA256.HashData("hush"u8, Encoding.UTF8.GetBytes(body)))));

    private Task<ApiResponse> DeliverAsync(string token)
    {
        var body = """{"specversion":"1.0","id":"1","source":"/shop","type":"content.changed","data":""" + ApiHarness.Item("A") + "}";
        return _api.PostAsync(Webhook, body, "application/cloudevents+json", ("Authorization", $"Bearer {token}"));
    }

    private string Token(
        string? issuer = null,
        string audience = Application,
        string role = "AzureEventGridSecureWebhookSubscriber",
        string application = EventGrid,
        DateTimeOffset? notBefore = null,
        DateTimeOffset? expires = null,
        SecurityKey? key = null,
        string algorithm = SecurityAlgorithms.RsaSha256,
        string version = "2.0")
    {
        var now = _api.Time.GetUtcNow();
        var claims = new Dictionary<string, object> { ["roles"] = new[] { role }, [version == "2.0" ? "azp" : "appid"] = application };
        issuer ??= version == "2.0" ? $"https://login.microsoftonline.com/{Tenant}/v2.0" : $"https://sts.windows.net/{Tenant}/";
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            Claims = claims,
            NotBefore = (notBefore ?? now.AddMinutes(-1)).UtcDateTime,
            Expires = (expires ?? now.AddHours(1)).UtcDateTime,
            SigningCredentials = algorithm == "none" ? null : new SigningCredentials(key ?? new RsaSecurityKey(_signingKeys.Tenants) { KeyId = "1" }, algorithm),
        });
    }

    private sealed class FakeEntraKeys : IEntraKeys
    {
        /// <summary>Null if they cannot be read.</summary>
        public IReadOnlyCollection<SecurityKey>? Keys { get; set; }

        public bool WasRefreshRequested { get; private set; }

        public ValueTask<IReadOnlyCollection<SecurityKey>> ReadAsync(CancellationToken cancellationToken) => Keys is { } keys
            ? ValueTask.FromResult(keys)
            : throw new EntraKeysUnavailableException("Unavailable.", new IOException());

        public void RequestRefresh() => WasRefreshRequested = true;
    }

    /// <summary>Made once, because making a key takes long.</summary>
    public sealed class SigningKeys : IDisposable
    {
        public RSA Tenants { get; } = RSA.Create(2048);

        public RSA Others { get; } = RSA.Create(2048);

        public void Dispose()
        {
            Tenants.Dispose();
            Others.Dispose();
        }
    }
}
