using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Http;

/// <summary>The queue and the webhook read the same events the same way.</summary>
public sealed class SameInputTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    public static TheoryData<string, string> Events => new()
    {
        { Event(ApiHarness.Item("A")), "2026-03-01T10:05:00.000000Z" },
        { Event(ApiHarness.Item("A", more: ",\"revision\":3")), "3" },
        { Event(ApiHarness.Item("A", more: ",\"occurredAt\":\"2026-03-01T09:00:00+0000\"")), "2026-03-01T09:00:00.000000Z" },
        { Event(ApiHarness.Item("A"), time: null), "2026-03-01T12:00:00.000000Z" },
        { Event("""{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{}}"""), "empty-content-info" },
        { Event(ApiHarness.Item("A"), ",\"data\":{}"), "invalid-event" },
        { Event(ApiHarness.Item("A"), ",\"id\":\"2\""), "invalid-event" },
        { Event("""{"contentId":"A","contentId":"B"}"""), "invalid-event" },
        { Event("null"), "missing-data" },
        { Event("[]"), "wrong-type" },
        { Event("{}"), "missing-member" },
        { Event(ApiHarness.Item("A"), ",\"datacontenttype\":\"text/plain\""), "invalid-event" },
        { "[]", "invalid-event" },
        { "{", "invalid-event" },
    };

    [Theory]
    [MemberData(nameof(Events))]
    public async Task An_event_means_the_same_on_the_queue_and_on_the_webhook(string text, string expected)
    {
        var queue = ReadFromQueue(text);
        var version = queue.VersionAt(_api.Time.GetUtcNow()).ToString();
        Assert.Equal(expected, queue.Item is null ? queue.Violations[0].Code : version);

        var response = await SendToWebhookAsync(text);
        if (queue.Item is null)
        {
            Assert.Equal(400, response.Status);
            if (expected != ViolationCodes.InvalidEvent)
            {
                var error = response.Json.GetProperty("errors")[0];
                Assert.Equal(
                    (queue.Violations[0].Pointer, queue.Violations[0].Code),
                    (error.GetProperty("pointer").GetString(), error.GetProperty("code").GetString()));
            }
        }
        else
        {
            Assert.Equal("accepted", response.Outcome(0));
            var record = (await _api.Ledger.FindAsync("A", CancellationToken.None))!;
            Assert.Equal((queue.Item.Hash, expected), (record.Hash, record.Version.ToString()));
        }
    }

    [Fact]
    public async Task A_late_event_on_the_queue_is_superseded_by_its_time()
    {
        await DeliverAsync(Event(ApiHarness.Item("A", "price 2")));
        await DeliverAsync(Event(ApiHarness.Item("A", "price 1"), time: "2026-03-01T09:00:00Z"));
        Assert.Contains("price 2", Encoding.UTF8.GetString(Assert.Single(_api.AlipayHk.Sent).Body), StringComparison.Ordinal);
    }

    private ContentReadResult ReadFromQueue(string text)
    {
        var read = _api.Services.GetRequiredService<ContentMessageReader>().Read(Message(text));
        return Assert.Single(Assert.IsType<ContentMessage.Items>(read).Entries).Result;
    }

    private async Task DeliverAsync(string text) => Assert.IsType<MessageSettlement.Complete>(
        await _api.Services.GetRequiredService<ContentMessageProcessor>().ProcessAsync(Message(text), CancellationToken.None));

    private QueueMessage Message(string text) =>
        new("message", Encoding.UTF8.GetBytes(text), "application/cloudevents+json", new Dictionary<string, object>(), _api.Time.GetUtcNow());

    private Task<ApiResponse> SendToWebhookAsync(string body)
    {
        var timestamp = _api.Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Convert.FromBase64String(ApiHarness.Secret[6..]), Encoding.UTF8.GetBytes($"msg.{timestamp}.{body}"));
        return _api.PostAsync(
            "/api/webhooks/content",
            body,
            "application/cloudevents+json",
            ("webhook-id", "msg"),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", "v1," + Convert.ToBase64String(mac)));
    }

    private static string Event(string data, string more = "", string? time = "2026-03-01T10:05:00Z")
    {
        var timeMember = time is null ? "" : $",\"time\":\"{time}\"";
        return $$"""{"specversion":"1.0","id":"1","source":"/shop","type":"changed"{{timeMember}},"data":{{data}}{{more}}}""";
    }
}
