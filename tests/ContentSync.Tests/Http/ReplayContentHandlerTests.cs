using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Http;

public sealed class ReplayContentHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Sends_one_parked_content_again()
    {
        await _api.ParkAsync("A/1");
        var answer = await _api.SendAsync("POST", "/api/content/A%2F1/replay", null);
        Assert.Equal(202, answer.Status);
        Assert.Equal("pending", answer.Json.GetProperty("state").GetString());
        Assert.Equal("/api/content/A%2F1", answer.Headers.Location);
        Assert.Equal("A/1", Assert.Single(_api.Queue.Messages).ContentId);
    }

    [Fact]
    public async Task Tells_why_another_one_is_not_replayed()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        var answer = await _api.SendAsync("POST", "/api/content/S/replay", null);
        Assert.Equal(409, answer.Status);
        Assert.Contains("synchronized", answer.Detail, StringComparison.Ordinal);
        Assert.Equal(404, (await _api.SendAsync("POST", "/api/content/nobody/replay", null)).Status);
        Assert.Empty(_api.Queue.Messages);
    }

    [Fact]
    public async Task Counts_and_changes_nothing_in_a_dry_run()
    {
        await _api.ParkAsync("A");
        await _api.ParkAsync("B", "PARAM_ILLEGAL");
        var answer = await _api.PostAsync("/api/content/replay", """{"all":true,"dryRun":true}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal(2, answer.Json.GetProperty("matched").GetInt32());
        Assert.Equal(0, answer.Json.GetProperty("replayed").GetInt32());
        Assert.Equal(1, answer.Json.GetProperty("codes").GetProperty("PARAM_ILLEGAL").GetInt32());
        Assert.Equal(SyncState.Parked, (await _api.Ledger.FindAsync("A", CancellationToken.None))!.State);
        Assert.Empty(_api.Queue.Messages);
    }

    [Theory]
    [InlineData("""{"resultCode":"PARAM_ILLEGAL"}""", "B")]
    [InlineData("""{"contentType":"SKU","parkReason":"rejected"}""", "A,B,C")]
    [InlineData("""{"parkReason":"ageExceeded"}""", "")]
    [InlineData("""{"all":true}""", "A,B,C")]
    [InlineData("""{"from":"2000-01-01T00:00:00Z","to":"2100-01-01T08:00:00+08:00"}""", "A,B,C")]
    [InlineData("""{"from":"2100-01-01T00:00:00Z"}""", "")]
    [InlineData("""{"to":"2000-01-01T00:00:00Z"}""", "")]
    public async Task Replays_what_matches(string body, string expected)
    {
        await _api.ParkAsync("A");
        await _api.ParkAsync("B", "PARAM_ILLEGAL");
        await _api.ParkAsync("C");
        var answer = await _api.PostAsync("/api/content/replay", body);
        Assert.Equal(202, answer.Status);
        Assert.Equal(expected, string.Join(',', _api.Queue.Messages.Select(message => message.ContentId).Order(StringComparer.Ordinal)));
        Assert.Equal(_api.Queue.Messages.Count, answer.Json.GetProperty("replayed").GetInt32());
    }

    [Fact]
    public async Task Spreads_what_it_replays_over_time_in_queue_and_ledger()
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
    public async Task Stops_at_the_limit_and_says_that_there_are_more()
    {
        foreach (var id in new[] { "A", "B", "C" }) await _api.ParkAsync(id);
        var answer = await _api.PostAsync("/api/content/replay", """{"all":true,"limit":2}""");
        Assert.Equal(2, answer.Json.GetProperty("replayed").GetInt32());
        Assert.True(answer.Json.GetProperty("more").GetBoolean());
    }

    [Theory]
    [InlineData("{}", "\"all\": true")]
    [InlineData("""{"all":true,"limit":0}""", "from 1 to 10000")]
    [InlineData("""{"from":"2024-05-22T06:42:21"}""", "from is '2024-05-22T06:42:21'; it is ISO 8601 with a zone")]
    [InlineData("""{"to":"yesterday"}""", "to is 'yesterday'")]
    [InlineData("""{"parkReason":"bored"}""", "rejected, attemptsExhausted, ageExceeded")]
    [InlineData("""{"code":"X"}""", "resultCode")]
    [InlineData("""{"all":true,"all":false}""", "all")]
    [InlineData("""{"all":tru}""", "LineNumber: 0")]
    [InlineData("null", "null")]
    public async Task Says_what_a_replay_request_takes(string body, string expected)
    {
        await _api.ParkAsync("A");
        var answer = await _api.PostAsync("/api/content/replay", body);
        Assert.Equal(400, answer.Status);
        Assert.Contains(expected, answer.Detail, StringComparison.Ordinal);
        Assert.Empty(_api.Queue.Messages);
    }
}
