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
    public async Task Takes_a_structured_event()
    {
        var answer = await SendAsync(Event(ApiHarness.Item("A")), Structured);
        Assert.Equal(202, answer.Status);
        Assert.Equal("accepted", answer.Outcome(0));
        Assert.Equal("A", Assert.Single(_api.Queue.Messages).ContentId);
    }

    [Fact]
    public async Task Takes_a_binary_event()
    {
        var answer = await SendAsync(ApiHarness.Item("A"), "application/json", ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/shop"), ("ce-type", "content.changed"), ("ce-time", "2026-03-01T11:00:00Z"));
        Assert.Equal(202, answer.Status);
        Assert.Equal("2026-03-01T11:00:00.000000Z", (await FindAsync("A"))!.Revision.ToString());
    }

    [Fact]
    public async Task Takes_the_valid_events_of_a_batch_and_reports_the_others()
    {
        var batch = $"[{Event(ApiHarness.Item("A"))},{Event("""{"contentId":"B"}""")},{{\"id\":\"x\"}},5,{Event(ApiHarness.Item("C"))}]";
        var answer = await SendAsync(batch, Batched);
        Assert.Equal(202, answer.Status);
        Assert.Equal(["accepted", "invalid", "invalid", "invalid", "accepted"], Enumerable.Range(0, 5).Select(answer.Outcome));
        Assert.StartsWith("/1/data/", answer.Json.GetProperty("items")[1].GetProperty("errors")[0].GetProperty("pointer").GetString(), StringComparison.Ordinal);
        Assert.Equal("/2", answer.Json.GetProperty("items")[2].GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task Orders_by_the_events_time_unless_the_content_brings_a_revision()
    {
        await SendAsync(Event(ApiHarness.Item("A", "new"), "2026-03-01T11:30:00Z"), Structured);
        var late = await SendAsync(Event(ApiHarness.Item("A", "old"), "2026-03-01T11:00:00Z"), Structured);
        Assert.Equal("superseded", late.Outcome(0));
        await SendAsync(Event(ApiHarness.Item("B", more: ",\"revision\":3"), "2026-03-01T11:00:00Z"), Structured);
        Assert.Equal("3", (await FindAsync("B"))!.Revision.ToString());
    }

    [Fact]
    public async Task Refuses_an_event_from_the_far_future()
    {
        var answer = await SendAsync(Event(ApiHarness.Item("A"), "2027-03-01T11:00:00Z"), Structured);
        Assert.Equal(400, answer.Status);
        Assert.Equal("occurred-at-ahead", answer.Json.GetProperty("errors")[0].GetProperty("code").GetString());
    }

    [Fact]
    public async Task Recognises_a_copy_by_its_id()
    {
        var first = await SendAsync(Event(ApiHarness.Item("A")), Structured, "msg_1");
        Assert.Equal("accepted", first.Outcome(0));
        var again = await SendAsync(Event(ApiHarness.Item("A", "changed")), Structured, "msg_1");
        Assert.Equal(200, again.Status);
        Assert.True(again.Json.GetProperty("duplicate").GetBoolean());
        Assert.Single(_api.Queue.Messages);
    }

    [Fact]
    public async Task Takes_a_message_again_that_it_could_not_take_before()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Away.");
        Assert.Equal(503, (await SendAsync(Event(ApiHarness.Item("A")), Structured, "msg_1")).Status);
        _api.Ledger.Unavailable = null;
        Assert.Equal("accepted", (await SendAsync(Event(ApiHarness.Item("A")), Structured, "msg_1")).Outcome(0));
        Assert.Equal(400, (await SendAsync(Event("{}"), Structured, "msg_2")).Status);
        Assert.Equal(400, (await SendAsync(Event("{}"), Structured, "msg_2")).Status);
    }

    [Fact]
    public async Task Says_the_same_of_every_wrong_signature_and_takes_nothing_in()
    {
        var body = Event(ApiHarness.Item("A"));
        var (id, timestamp, signature) = Sign("msg_1", body);
        var answers = new List<ApiAnswer>
        {
            await PostAsync(body, id, timestamp, signature[..^6] + "AAAAA="),
            await PostAsync(body + " ", id, timestamp, signature),
            await PostAsync(body, "msg_2", timestamp, signature),
            await _api.PostAsync(Webhook, body, Structured),
        };
        Assert.All(answers, answer => Assert.Equal(401, answer.Status));
        Assert.Single(answers.Select(answer => answer.Detail).Distinct());
        Assert.Empty(_api.Queue.Messages);
    }

    [Fact]
    public async Task Says_that_a_message_is_stale()
    {
        var body = Event(ApiHarness.Item("A"));
        var (id, timestamp, signature) = Sign("msg_1", body);
        _api.Time.Advance(TimeSpan.FromSeconds(301));
        var answer = await PostAsync(body, id, timestamp, signature);
        Assert.Equal(401, answer.Status);
        Assert.Equal("The message is too old.", answer.Title);
    }

    [Theory]
    [InlineData("{", Structured)]
    [InlineData("""{"specversion":"1.0","id":"1"}""", Structured)]
    [InlineData("""{"specversion":"9.9","id":"1","source":"/s","type":"t"}""", Structured)]
    [InlineData("""{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t"}""", Structured)]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"contentId":"A","contentId":"B"}}""", Structured)]
    [InlineData("{}", Batched)]
    [InlineData("[", Batched)]
    public async Task Names_what_is_no_event(string body, string contentType)
    {
        var answer = await SendAsync(body, contentType);
        Assert.Equal(400, answer.Status);
        Assert.Equal("Not a CloudEvent.", answer.Title);
        Assert.NotEmpty(answer.Detail);
    }

    [Theory]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/s","type":"t"}""", "missing-data")]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"contentId":"A"}}""", "missing-member")]
    public async Task Names_what_is_wrong_with_the_data(string body, string code)
    {
        var answer = await SendAsync(body, Structured);
        Assert.Equal(400, answer.Status);
        Assert.Equal(code, answer.Json.GetProperty("errors")[0].GetProperty("code").GetString());
        Assert.Empty(_api.Queue.Messages);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json")]
    [InlineData("application/cloudevents+xml")]
    [InlineData("application/cloudevents+json; charset=utf-16")]
    public async Task Refuses_another_media_type(string contentType) => Assert.Equal(415, (await SendAsync("{}", contentType)).Status);

    [Fact]
    public async Task Limits_the_body() =>
        Assert.Equal(413, (await SendAsync(new string(' ', ReceiveWebhookHandler.MaxBodyBytes + 1), Structured)).Status);

    [Fact]
    public async Task Is_closed_without_a_secret()
    {
        using var api = new ApiHarness(new WebhookOptions());
        Assert.Equal(404, (await api.PostAsync(Webhook, "{}", Structured)).Status);
        Assert.Equal(404, (await api.SendAsync("OPTIONS", Webhook, null, ("WebHook-Request-Origin", "sender.example"))).Status);
    }

    [Fact]
    public async Task Grants_a_sender_that_asks_and_calls_nobody_back()
    {
        var answer = await _api.SendAsync("OPTIONS", Webhook, null, ("WebHook-Request-Origin", "sender.example"), ("WebHook-Request-Rate", "120"), ("WebHook-Request-Callback", "https://sender.example/confirm"));
        Assert.Equal(200, answer.Status);
        Assert.Equal("sender.example", answer.Headers["WebHook-Allowed-Origin"]);
        Assert.Equal("120", answer.Headers["WebHook-Allowed-Rate"]);
        Assert.Equal("POST, OPTIONS", answer.Headers.Allow);
        Assert.Empty(_api.AlipayHk.Sent);
    }

    [Theory]
    [InlineData("other.example")]
    [InlineData("sender.example\r\nX: y")]
    [InlineData("")]
    public async Task Grants_nothing_to_an_origin_that_is_not_allowed(string origin)
    {
        using var api = new ApiHarness(new WebhookOptions { Secrets = { ApiHarness.Secret }, AllowedOrigins = { "sender.example" } });
        var answer = await api.SendAsync("OPTIONS", Webhook, null, ("WebHook-Request-Origin", origin));
        Assert.False(answer.Headers.ContainsKey("WebHook-Allowed-Origin"));
    }

    [Fact]
    public void Forgets_ids_with_their_time_and_never_keeps_more_than_it_may()
    {
        var seen = new WebhookIdCache(new WebhookOptions(), _api.Time);
        seen.Add("a");
        _api.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.True(seen.Contains("a"));
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(seen.Contains("a"));
        foreach (var i in Enumerable.Range(0, WebhookIdCache.Capacity + 1)) seen.Add(i.ToString(CultureInfo.InvariantCulture));
        Assert.False(seen.Contains("0"));
        Assert.True(seen.Contains("1"));
    }

    private static string Event(string data, string? time = null) =>
        $$"""{"specversion":"1.0","id":"1","source":"/shop","type":"content.changed",{{(time is null ? "" : $"\"time\":\"{time}\",")}}"data":{{data}}}""";

    private Task<ApiAnswer> SendAsync(string body, string contentType, params (string Name, string Value)[] headers) =>
        SendAsync(body, contentType, $"msg_{++_messages}_own", headers);

    private Task<ApiAnswer> SendAsync(string body, string contentType, string id, params (string Name, string Value)[] headers)
    {
        var (_, timestamp, signature) = Sign(id, body);
        return _api.PostAsync(Webhook, body, contentType, [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature), .. headers]);
    }

    private Task<ApiAnswer> PostAsync(string body, string id, string timestamp, string signature) =>
        _api.PostAsync(Webhook, body, Structured, ("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature));

    private (string Id, string Timestamp, string Signature) Sign(string id, string body)
    {
        var timestamp = _api.Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Convert.FromBase64String(ApiHarness.Secret[6..]), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}"));
        return (id, timestamp, "v1," + Convert.ToBase64String(mac));
    }

    private ValueTask<SyncRecord?> FindAsync(string contentId) => _api.Ledger.FindAsync(contentId, CancellationToken.None);
}
