using System.Text;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Http;

/// <summary>Delisting by id, tombstones, and versions that are refused, on every input.</summary>
public sealed class DelistAndRefusalTests : IDisposable
{
    private const string TooLong = "A text that is longer than the limit of these tests.";

    private readonly ApiHarness _api = new(content: new ContentOptions { MaxTextLength = 40 });

    public void Dispose() => _api.Dispose();

    public static TheoryData<string> Inputs => ["http", "batch", "queue", "array", "event"];

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task A_delisting_without_contentInfo_sends_what_the_ledger_holds(string input)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", "tea"));
        await SendAsync(input, """{"contentId":"A","contentStatus":0}""");
        await AssertDelistedAsync();
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task A_delisting_with_an_invalid_contentInfo_sends_what_the_ledger_holds(string input)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", "tea"));
        await SendAsync(input, $$$"""{"contentId":"A","contentType":"SKU","contentStatus":0,"contentInfo":{"name":"{{{TooLong}}}"}}""");
        await AssertDelistedAsync();
    }

    [Theory]
    [InlineData("/api/content/A")]
    [InlineData("/api/content?contentId=A")]
    public async Task DELETE_sends_what_the_ledger_holds(string target)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", "tea"));
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        var response = await _api.SendAsync("DELETE", target, null);
        Assert.Equal((202, "/api/content/A"), (response.Status, response.Headers.Location.ToString()));
        await _api.Synchronizer.SynchronizeAsync(Assert.Single(_api.Queue.Messages).ContentId, CancellationToken.None);
        await AssertDelistedAsync();
        Assert.Equal(202, (await _api.SendAsync("DELETE", target, null)).Status);
        Assert.Equal(2, _api.AlipayHk.Sent.Count);
    }

    [Theory]
    [InlineData("?revision=4", 409)]
    [InlineData("?revision=6", 202)]
    [InlineData("?occurredAt=2026-03-01T00:00:00z", 409)]
    [InlineData("?revision=six", 400)]
    [InlineData("?revision=6&occurredAt=2026-03-01T00:00:00z", 400)]
    [InlineData("?occurredAt=yesterday", 400)]
    [InlineData("?revison=6", 400)]
    public async Task DELETE_is_ordered_like_any_change(string query, int status)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", more: ",\"revision\":5"));
        Assert.Equal(status, (await _api.SendAsync("DELETE", "/api/content/A" + query, null)).Status);
    }

    [Fact]
    public async Task Delisting_an_unknown_item_leaves_a_tombstone_that_supersedes_older_changes()
    {
        var response = await _api.SendAsync("DELETE", "/api/content/A?revision=10", null);
        Assert.Equal((202, "tombstone"), (response.Status, response.Json.GetProperty("state").GetString()));
        var state = (await _api.GetAsync("/api/content/A")).Json;
        Assert.Equal("tombstone", state.GetProperty("state").GetString());
        Assert.False(state.TryGetProperty("requestId", out _));
        Assert.Equal(409, (await _api.PostAsync("/api/content", ApiHarness.Item("A", more: ",\"revision\":9"))).Status);
        Assert.Empty(_api.AlipayHk.Sent);
        Assert.Equal(200, (await _api.PostAsync("/api/content", ApiHarness.Item("A", more: ",\"revision\":11"))).Status);
    }

    [Fact]
    public async Task A_late_change_never_brings_a_delisted_item_back()
    {
        int[] statuses =
        [
            (await ListAsync(5)).Status,
            (await PostAsync("""{"contentId":"A","contentStatus":0,"revision":10}""")).Status,
            (await ListAsync(9)).Status,
            (await PostAsync("""{"contentId":"A","contentStatus":0,"revision":10}""")).Status,
            (await ListAsync(10)).Status,
            (await ListAsync(11)).Status,
        ];
        Assert.Equal([200, 200, 409, 200, 409, 200], statuses);
        Assert.Equal(["1", "0", "1"], StatusesSent(_api));

        Task<ApiResponse> ListAsync(int revision) => PostAsync(ApiHarness.Item("A", more: $",\"revision\":{revision}"));
        Task<ApiResponse> PostAsync(string item) => _api.PostAsync("/api/content", item);
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task A_refused_new_version_makes_the_item_stale_until_a_valid_one_comes(string input)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", "tea"));
        _api.Time.Advance(TimeSpan.FromMinutes(1));
        await SendAsync(input, ApiHarness.Item("A", TooLong));
        var stale = (await _api.GetAsync("/api/content/A")).Json.GetProperty("stale");
        Assert.Equal("text-too-long", stale.GetProperty("code").GetString());
        Assert.Equal(_api.Time.GetUtcNow(), stale.GetProperty("since").GetDateTimeOffset());
        Assert.Contains("limit is 40", stale.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("A", Assert.Single(Items(await _api.GetAsync("/api/content?stale=true"))));
        Assert.Single(StatusesSent(_api));

        _api.Time.Advance(TimeSpan.FromMinutes(1));
        await SendAsync(input, ApiHarness.Item("A", "milk tea"));
        Assert.False((await _api.GetAsync("/api/content/A")).Json.TryGetProperty("stale", out _));
        Assert.Empty(Items(await _api.GetAsync("/api/content?stale=true")));
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task A_refused_new_version_delists_the_item_if_the_setting_says_so(string input)
    {
        using var api = new ApiHarness(content: new ContentOptions { MaxTextLength = 40, RefusedVersions = RefusedVersionPolicy.Delist });
        await api.PostAsync("/api/content", ApiHarness.Item("A", "tea", more: ",\"revision\":1"));
        await SendAsync(api, input, ApiHarness.Item("A", TooLong, more: ",\"revision\":2"));
        foreach (var message in api.Queue.Messages) await api.Synchronizer.SynchronizeAsync(message.ContentId, CancellationToken.None);
        Assert.Equal(["1", "0"], StatusesSent(api));
        Assert.True((await api.GetAsync("/api/content/A")).Json.TryGetProperty("stale", out _));

        // The corrected item has the same revision as the refused one.
        await api.PostAsync("/api/content", ApiHarness.Item("A", "milk tea", more: ",\"revision\":2"));
        Assert.Equal(["1", "0", "1"], StatusesSent(api));
        Assert.False((await api.GetAsync("/api/content/A")).Json.TryGetProperty("stale", out _));
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task A_refused_version_that_is_older_or_of_an_unknown_item_changes_nothing(string input)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", "tea", more: ",\"revision\":5"));
        await SendAsync(input, ApiHarness.Item("A", TooLong, more: ",\"revision\":4"));
        await SendAsync(input, ApiHarness.Item("B", TooLong));
        Assert.False((await _api.GetAsync("/api/content/A")).Json.TryGetProperty("stale", out _));
        Assert.Equal(404, (await _api.GetAsync("/api/content/B")).Status);
    }

    [Fact]
    public async Task Warns_when_contentInfo_of_a_delisting_is_ignored()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", "tea"));
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        var response = await _api.PostAsync(
            "/api/content", $$$"""{"contentId":"A","contentType":"SKU","contentStatus":0,"contentInfo":{"name":"{{{TooLong}}}"}}""");
        var codes = response.Json.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetProperty("code").GetString());
        Assert.Equal(["content-info-ignored", "text-too-long"], codes);
    }

    private Task SendAsync(string input, string item) => SendAsync(_api, input, item);

    private static async Task SendAsync(ApiHarness api, string input, string item)
    {
        api.Time.Advance(TimeSpan.FromMilliseconds(1));
        switch (input)
        {
            case "http":
                await api.PostAsync("/api/content", item);
                break;
            case "batch":
                await api.PostAsync("/api/content/batch", $"[{item}]");
                foreach (var message in api.Queue.Messages) await api.Synchronizer.SynchronizeAsync(message.ContentId, CancellationToken.None);
                break;
            case "queue":
                await DeliverAsync(api, item, null);
                break;
            case "array":
                await DeliverAsync(api, $"[{item},{ApiHarness.Item("another")}]", null);
                break;
            default:
                var text = $$"""{"specversion":"1.0","id":"1","source":"/shop","type":"changed","data":{{item}}}""";
                await DeliverAsync(api, text, EventReader.MediaType);
                break;
        }
    }

    // Delivers what the message leaves behind, too, as the broker would.
    private static async Task DeliverAsync(ApiHarness api, string body, string? contentType)
    {
        var processor = api.Services.GetRequiredService<ContentMessageProcessor>();
        var waiting = new Queue<QueueMessage>();
        waiting.Enqueue(new("m", Encoding.UTF8.GetBytes(body), contentType, new Dictionary<string, object>(), api.Time.GetUtcNow()));
        while (waiting.TryDequeue(out var message))
        {
            if (await processor.ProcessAsync(message, CancellationToken.None) is not MessageSettlement.SendThenComplete next) continue;
            foreach (var sent in next.Messages)
                waiting.Enqueue(new QueueMessage(sent.MessageId, sent.Body, sent.ContentType, sent.Properties, api.Time.GetUtcNow()));
        }
    }

    private async Task AssertDelistedAsync()
    {
        var sent = _api.AlipayHk.Sent.Select(sent => Encoding.UTF8.GetString(sent.Body))
            .Last(body => body.Contains("\"contentId\":\"A\"", StringComparison.Ordinal));
        Assert.Contains("\"contentStatus\":0", sent, StringComparison.Ordinal);
        Assert.Contains("tea", sent, StringComparison.Ordinal);
        var state = (await _api.GetAsync("/api/content/A")).Json;
        Assert.Equal((0, "synchronized"), (state.GetProperty("contentStatus").GetInt32(), state.GetProperty("state").GetString()));
        Assert.False(state.TryGetProperty("stale", out _));
    }

    /// <summary>contentStatus of each request for item A.</summary>
    private static IEnumerable<string> StatusesSent(ApiHarness api) =>
        from sent in api.AlipayHk.Sent
        let body = JsonDocument.Parse(sent.Body).RootElement
        where body.GetProperty("contentId").GetString() == "A"
        select body.GetProperty("contentStatus").GetRawText();

    private static IEnumerable<string?> Items(ApiResponse page) =>
        page.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("contentId").GetString());
}
