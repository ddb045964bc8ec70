using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Http;

public sealed class ReplayContentHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Sends_one_parked_item_again()
    {
        await _api.ParkAsync("A/1");
        var response = await _api.SendAsync("POST", "/api/content/replay?contentId=A%2F1", null);
        Assert.Equal(202, response.Status);
        Assert.Equal("pending", response.Json.GetProperty("state").GetString());
        Assert.Equal("/api/content?contentId=A%2F1", response.Headers.Location);
        Assert.Equal("A/1", Assert.Single(_api.Queue.Messages).ContentId);
    }

    [Fact]
    public async Task Says_why_an_item_is_not_replayed()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        var response = await _api.SendAsync("POST", "/api/content/S/replay", null);
        Assert.Equal(409, response.Status);
        Assert.Contains("synchronized", response.Detail, StringComparison.Ordinal);
        Assert.Equal(404, (await _api.SendAsync("POST", "/api/content/unknown/replay", null)).Status);
        Assert.Empty(_api.Queue.Messages);
    }

    [Fact]
    public async Task Only_counts_in_a_dry_run()
    {
        await _api.ParkAsync("A");
        await _api.ParkAsync("B", "PARAM_ILLEGAL");
        var response = await _api.PostAsync("/api/content/replay", """{"all":true,"dryRun":true}""");
        Assert.Equal(200, response.Status);
        Assert.Equal(2, response.Json.GetProperty("matched").GetInt32());
        Assert.Equal(0, response.Json.GetProperty("replayed").GetInt32());
        Assert.Equal(1, response.Json.GetProperty("codes").GetProperty("PARAM_ILLEGAL").GetInt32());
        Assert.Equal(SyncState.Parked, (await _api.Ledger.FindAsync("A", CancellationToken.None))!.State);
        Assert.Empty(_api.Queue.Messages);
    }

    [Theory]
    [InlineData("""{"code":"PARAM_ILLEGAL"}""", "B")]
    [InlineData("""{"type":"SKU","reason":"rejected"}""", "A,B,C")]
    [InlineData("""{"reason":"ageExceeded"}""", "")]
    [InlineData("""{"all":true}""", "A,B,C")]
    [InlineData("""{"from":"2000-01-01T00:00:00Z","to":"2100-01-01T08:00:00+08:00"}""", "A,B,C")]
    [InlineData("""{"from":"2100-01-01T00:00:00Z"}""", "")]
    [InlineData("""{"to":"2000-01-01T00:00:00Z"}""", "")]
    public async Task Replays_matching_items(string body, string expected)
    {
        await _api.ParkAsync("A");
        await _api.ParkAsync("B", "PARAM_ILLEGAL");
        await _api.ParkAsync("C");
        var response = await _api.PostAsync("/api/content/replay", body);
        Assert.Equal(202, response.Status);
        Assert.Equal(expected, string.Join(',', _api.Queue.Messages.Select(message => message.ContentId).Order(StringComparer.Ordinal)));
        Assert.Equal(_api.Queue.Messages.Count, response.Json.GetProperty("replayed").GetInt32());
    }

    [Fact]
    public async Task Spreads_replayed_items_over_time_in_queue_and_ledger()
    {
        for (var i = 0; i < 300; i++) await _api.ParkAsync($"A{i:d3}");
        await _api.PostAsync("/api/content/replay", """{"all":true}""");

        var delays = _api.Queue.Messages.Select(message => message.Delay).Order().ToArray();
        Assert.Equal(Enumerable.Range(0, 300).Select(i => TimeSpan.FromSeconds(i / new ReplayOptions().PerSecond)), delays);
        foreach (var message in _api.Queue.Messages)
        {
            var record = (await _api.Ledger.FindAsync(message.ContentId, CancellationToken.None))!;
            Assert.Equal(message.Delay, record.DueAt - record.AcceptedAt);
        }
    }

    [Fact]
    public async Task Stops_at_the_limit_and_says_that_more_items_match()
    {
        foreach (var id in new[] { "A", "B", "C" }) await _api.ParkAsync(id);
        var response = await _api.PostAsync("/api/content/replay", """{"all":true,"limit":2}""");
        Assert.Equal(2, response.Json.GetProperty("replayed").GetInt32());
        Assert.True(response.Json.GetProperty("more").GetBoolean());
    }

    [Theory]
    [InlineData("{}", "\"all\": true")]
    [InlineData("""{"all":true,"limit":0}""", "from 1 to 10000")]
    [InlineData("""{"from":"2024-05-22T06:42:21"}""", "from is '2024-05-22T06:42:21'; it must be ISO 8601 with a zone")]
    [InlineData("""{"to":"yesterday"}""", "to is 'yesterday'")]
    [InlineData("""{"reason":"bored"}""", "rejected, attemptsExhausted, ageExceeded")]
    [InlineData("""{"resultCode":"X"}""", "code")]
    [InlineData("""{"all":true,"all":false}""", "all")]
    [InlineData("""{"all":tru}""", "not valid JSON at line 1, byte")]
    [InlineData("null", "null")]
    public async Task Says_what_is_wrong_with_a_replay_request(string body, string expected)
    {
        await _api.ParkAsync("A");
        var response = await _api.PostAsync("/api/content/replay", body);
        Assert.Equal(400, response.Status);
        Assert.Contains(expected, response.Detail, StringComparison.Ordinal);
        Assert.Empty(_api.Queue.Messages);
    }
}
