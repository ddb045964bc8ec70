using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;

namespace ContentSync.Tests.Http;

public sealed class ReceiveWebhookHandlerTests : IDisposable
{
    private const string Webhook = "/api/webhooks/content";
    private const string Structured = "application/cloudevents+json";
    private const string Batched = "application/cloudevents-batch+json";

    private readonly ApiHarness _api = new();
    private int _messages;

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Accepts_a_structured_event()
    {
        var response = await SendAsync(Event(ApiHarness.Item("A")), Structured);
        Assert.Equal(202, response.Status);
        Assert.Equal("accepted", response.Outcome(0));
        Assert.Equal("A", Assert.Single(_api.Queue.Messages).ContentId);
    }

    [Fact]
    public async Task Accepts_a_binary_event()
    {
        var response = await SendAsync(
            ApiHarness.Item("A"),
            "application/json",
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/shop"),
            ("ce-type", "content.changed"),
            ("ce-time", "2026-03-01T11:00:00Z"));
        Assert.Equal(202, response.Status);
        Assert.Equal("2026-03-01T11:00:00.000000Z", (await FindAsync("A"))!.Version.ToString());
    }

    [Fact]
    public async Task Accepts_the_valid_events_of_a_batch_and_reports_the_others()
    {
        var batch = $"[{Event(ApiHarness.Item("A"))},{Event("""{"contentId":"B"}""")},{{\"id\":\"x\"}},5,{Event(ApiHarness.Item("C"))}]";
        var response = await SendAsync(batch, Batched);
        Assert.Equal(202, response.Status);
        Assert.Equal(["accepted", "invalid", "invalid", "invalid", "accepted"], Enumerable.Range(0, 5).Select(response.Outcome));
        Assert.StartsWith("/1/data/", Pointer(1), StringComparison.Ordinal);
        Assert.Equal("/2", Pointer(2));

        string? Pointer(int index) =>
            response.Json.GetProperty("items")[index].GetProperty("errors")[0].GetProperty("pointer").GetString();
    }

    [Fact]
    public async Task Orders_by_event_time_unless_the_item_has_a_revision()
    {
        await SendAsync(Event(ApiHarness.Item("A", "new"), "2026-03-01T11:30:00Z"), Structured);
        var late = await SendAsync(Event(ApiHarness.Item("A", "old"), "2026-03-01T11:00:00Z"), Structured);
        Assert.Equal("superseded", late.Outcome(0));
        await SendAsync(Event(ApiHarness.Item("B", more: ",\"revision\":3"), "2026-03-01T11:00:00Z"), Structured);
        Assert.Equal("3", (await FindAsync("B"))!.Version.ToString());
    }

    [Theory]
    [InlineData("2026-03-01T11:00:00Z", "2026-03-01T11:00:00.000000Z")]
    [InlineData("2026-03-01T12:00:01Z", "2026-03-01T12:00:00.000000Z")]
    [InlineData("2027-03-01T12:00:00Z", "2026-03-01T12:00:00.000000Z")]
    public async Task A_time_outside_the_signature_makes_a_change_older_but_never_newer(string time, string expected)
    {
        await SendAsync(
            ApiHarness.Item("A"),
            "application/json",
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/shop"),
            ("ce-type", "content.changed"),
            ("ce-time", time));
        Assert.Equal(expected, (await FindAsync("A"))!.Version.ToString());
    }

    [Fact]
    public async Task A_retry_is_no_newer_than_its_first_delivery()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Unavailable.");
        Assert.Equal(503, (await SendAsync(Event(ApiHarness.Item("A", "first")), Structured, "msg_1")).Status);
        _api.Ledger.Unavailable = null;
        _api.Time.Advance(TimeSpan.FromSeconds(30));
        await SendAsync(Event(ApiHarness.Item("A", "second")), Structured, "msg_2");
        _api.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("superseded", (await SendAsync(Event(ApiHarness.Item("A", "first")), Structured, "msg_1")).Outcome(0));
    }

    [Fact]
    public async Task Warns_about_an_event_from_the_far_future()
    {
        var response = await SendAsync(Event(ApiHarness.Item("A"), "2027-03-01T11:00:00Z"), Structured);
        Assert.Equal(202, response.Status);
        var warning = response.Json.GetProperty("items")[0].GetProperty("warnings")[0];
        Assert.Equal(("/time", "occurred-at-ahead"), (warning.GetProperty("pointer").GetString(), warning.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Recognizes_a_duplicate_message_by_its_id()
    {
        var first = await SendAsync(Event(ApiHarness.Item("A")), Structured, "msg_1");
        Assert.Equal("accepted", first.Outcome(0));
        var again = await SendAsync(Event(ApiHarness.Item("A", "changed")), Structured, "msg_1");
        Assert.Equal(200, again.Status);
        Assert.True(again.Json.GetProperty("duplicate").GetBoolean());
        Assert.Single(_api.Queue.Messages);
    }

    [Fact]
    public async Task Accepts_a_redelivered_message_that_was_not_accepted_before()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Unavailable.");
        Assert.Equal(503, (await SendAsync(Event(ApiHarness.Item("A")), Structured, "msg_1")).Status);
        _api.Ledger.Unavailable = null;
        Assert.Equal("accepted", (await SendAsync(Event(ApiHarness.Item("A")), Structured, "msg_1")).Outcome(0));
        Assert.Equal(400, (await SendAsync(Event("{}"), Structured, "msg_2")).Status);
        Assert.Equal(400, (await SendAsync(Event("{}"), Structured, "msg_2")).Status);
    }

    [Fact]
    public async Task Gives_the_same_response_to_every_wrong_signature_and_accepts_nothing()
    {
        var body = Event(ApiHarness.Item("A"));
        var (id, timestamp, signature) = Sign("msg_1", body);
        var responses = new List<ApiResponse>
        {
            await PostAsync(body, id, timestamp, signature[..^6] + "AAAAA="),
            await PostAsync(body + " ", id, timestamp, signature),
            await PostAsync(body, "msg_2", timestamp, signature),
            await _api.PostAsync(Webhook, body, Structured),
        };
        Assert.All(responses, response => Assert.Equal(401, response.Status));
        Assert.Single(responses.Select(response => response.Detail).Distinct());
        Assert.Empty(_api.Queue.Messages);
    }

    [Fact]
    public async Task Rejects_a_message_that_is_too_old()
    {
        var body = Event(ApiHarness.Item("A"));
        var (id, timestamp, signature) = Sign("msg_1", body);
        _api.Time.Advance(TimeSpan.FromSeconds(301));
        var response = await PostAsync(body, id, timestamp, signature);
        Assert.Equal(401, response.Status);
        Assert.Equal("The message is too old.", response.Title);
    }

    [Theory]
    [InlineData("{", Structured)]
    [InlineData("""{"specversion":"1.0","id":"1"}""", Structured)]
    [InlineData("""{"specversion":"9.9","id":"1","source":"/s","type":"t"}""", Structured)]
    [InlineData("""{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t"}""", Structured)]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"contentId":"A","contentId":"B"}}""", Structured)]
    [InlineData("{}", Batched)]
    [InlineData("[", Batched)]
    public async Task Says_why_a_message_is_not_a_CloudEvent(string body, string contentType)
    {
        var response = await SendAsync(body, contentType);
        Assert.Equal(400, response.Status);
        Assert.Equal("Not a CloudEvent.", response.Title);
        Assert.NotEmpty(response.Detail);
    }

    [Theory]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/s","type":"t"}""", "missing-data")]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"contentId":"A"}}""", "missing-member")]
    public async Task Says_what_is_wrong_with_the_data(string body, string code)
    {
        var response = await SendAsync(body, Structured);
        Assert.Equal(400, response.Status);
        Assert.Equal(code, response.Json.GetProperty("errors")[0].GetProperty("code").GetString());
        Assert.Empty(_api.Queue.Messages);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json")]
    [InlineData("application/cloudevents+xml")]
    [InlineData("application/cloudevents+json; charset=utf-16")]
    public async Task Rejects_other_media_types(string contentType) =>
        Assert.Equal(415, (await SendAsync("{}", contentType)).Status);

    [Fact]
    public async Task Limits_the_size_of_the_body() =>
        Assert.Equal(413, (await SendAsync(new string(' ', ReceiveWebhookHandler.MaxBodyBytes + 1), Structured)).Status);

    [Fact]
    public async Task Is_disabled_without_a_secret()
    {
        using var api = new ApiHarness(new WebhookOptions());
        Assert.Equal(404, (await api.PostAsync(Webhook, "{}", Structured)).Status);
        Assert.Equal(404, (await api.SendAsync("OPTIONS", Webhook, null, ("WebHook-Request-Origin", "sender.example"))).Status);
    }

    [Fact]
    public async Task Permits_a_sender_that_registers_and_never_calls_back()
    {
        var response = await _api.SendAsync(
            "OPTIONS",
            Webhook,
            null,
            ("WebHook-Request-Origin", "sender.example"),
            ("WebHook-Request-Rate", "120"),
            ("WebHook-Request-Callback", "https://sender.example/confirm"));
        Assert.Equal(200, response.Status);
        Assert.Equal("sender.example", response.Headers["WebHook-Allowed-Origin"]);
        Assert.Equal("120", response.Headers["WebHook-Allowed-Rate"]);
        Assert.Equal("POST, OPTIONS", response.Headers.Allow);
        Assert.Empty(_api.AlipayHk.Sent);
    }

    [Theory]
    [InlineData("1", "1")]
    [InlineData("0", "*")]
    [InlineData("-5", "*")]
    [InlineData("many", "*")]
    public async Task Permits_the_requested_rate_and_any_rate_if_none_is_named(string requested, string permitted)
    {
        var response = await _api.SendAsync(
            "OPTIONS", Webhook, null, ("WebHook-Request-Origin", "sender.example"), ("WebHook-Request-Rate", requested));

        Assert.Equal(permitted, response.Headers["WebHook-Allowed-Rate"]);
    }

    [Theory]
    [InlineData("other.example")]
    [InlineData("sender.example\r\nX: y")]
    [InlineData("")]
    public async Task Does_not_permit_an_origin_that_is_not_allowed(string origin)
    {
        using var api = new ApiHarness(new WebhookOptions { Secrets = { ApiHarness.Secret }, AllowedOrigins = { "sender.example" } });
        var response = await api.SendAsync("OPTIONS", Webhook, null, ("WebHook-Request-Origin", origin));
        Assert.False(response.Headers.ContainsKey("WebHook-Allowed-Origin"));
    }

    [Fact]
    public void Forgets_expired_ids_and_never_exceeds_its_capacity()
    {
        var cache = new WebhookIdCache(new WebhookOptions(), _api.Time);
        var first = _api.Time.GetUtcNow();
        Assert.False(Add("a").IsAccepted);
        cache.MarkAccepted("a");
        _api.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(new KnownMessage(first, IsAccepted: true), Add("a"));
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new KnownMessage(_api.Time.GetUtcNow(), IsAccepted: false), Add("a"));
        foreach (var i in Enumerable.Range(1, WebhookIdCache.Capacity - 1)) Add(i.ToString(CultureInfo.InvariantCulture));
        cache.MarkAccepted("a");
        cache.MarkAccepted("1");
        Assert.True(Add("a").IsAccepted);
        Add("one too many");
        Assert.True(Add("1").IsAccepted);
        Assert.False(Add("a").IsAccepted);

        KnownMessage Add(string id) => cache.GetOrAdd(id, _api.Time.GetUtcNow());
    }

    private static string Event(string data, string? time = null)
    {
        var timeMember = time is null ? "" : $"\"time\":\"{time}\",";
        return $$"""{"specversion":"1.0","id":"1","source":"/shop","type":"content.changed",{{timeMember}}"data":{{data}}}""";
    }

    private Task<ApiResponse> SendAsync(string body, string contentType, params (string Name, string Value)[] headers) =>
        SendAsync(body, contentType, $"msg_{++_messages}_own", headers);

    private Task<ApiResponse> SendAsync(string body, string contentType, string id, params (string Name, string Value)[] headers)
    {
        var (_, timestamp, signature) = Sign(id, body);
        return _api.PostAsync(
            Webhook,
            body,
            contentType,
            [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature), .. headers]);
    }

    private Task<ApiResponse> PostAsync(string body, string id, string timestamp, string signature) =>
        _api.PostAsync(Webhook, body, Structured, ("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature));

    private (string Id, string Timestamp, string Signature) Sign(string id, string body)
    {
        var timestamp = _api.Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Convert.FromBase64String(ApiHarness.Secret[6..]), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}"));
        return (id, timestamp, "v1," + Convert.ToBase64String(mac));
    }

    private ValueTask<SyncRecord?> FindAsync(string contentId) => _api.Ledger.FindAsync(contentId, CancellationToken.None);
}
