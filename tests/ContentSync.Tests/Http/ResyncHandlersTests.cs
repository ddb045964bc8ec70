using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Http;

public sealed class ResyncHandlersTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Starts_a_run_of_the_catalog_and_returns_its_location()
    {
        _api.Catalog.Text = TestSnapshot.Line("A", "1") + TestSnapshot.Line("B", "1") + "{\"contentId\":\"C\"}\n";

        var started = await StartAsync("{}");

        Assert.Equal(202, started.Status);
        var location = started.Headers.Location.ToString();
        Assert.Equal("/api/resyncs/" + started.Json.GetProperty("runId").GetString(), location);
        Assert.Equal(("planning", "catalog", "the catalog"), (Text(started, "state"), Text(started, "source"), Text(started, "sourceName")));
        Assert.Single(_api.Scheduler.Scheduled);

        await _api.ContinueRunAsync(_api.Catalog);

        var ended = await _api.GetAsync(location);
        Assert.Equal(200, ended.Status);
        Assert.Equal(("completed", "catalog.ndjson"), (Text(ended, "state"), Text(ended, "snapshot")));
        Assert.Equal((2, 2, 0), (Count(ended, "counts", "planned"), Count(ended, "counts", "sent"), Count(ended, "counts", "remaining")));
        Assert.Equal((3, 1), (Count(ended, "plan", "items"), Count(ended, "plan", "invalid")));
        Assert.Equal("line 3", ended.Json.GetProperty("issues")[0].GetProperty("place").GetString());
        Assert.True(ended.Json.TryGetProperty("endedAt", out _));
    }

    [Fact]
    public async Task Only_plans_in_a_dry_run()
    {
        _api.Catalog.Text = TestSnapshot.Line("A", "1");
        var location = (await StartAsync("""{"source":"catalog","dryRun":true}""")).Headers.Location.ToString();
        await _api.ContinueRunAsync(_api.Catalog);
        var run = await _api.GetAsync(location);
        var isDryRun = run.Json.GetProperty("parameters").GetProperty("dryRun").GetBoolean();
        Assert.Equal(("planned", 1, true), (Text(run, "state"), Count(run, "plan", "new"), isDryRun));
        Assert.False(run.Json.TryGetProperty("counts", out _));
        Assert.Equal(404, (await _api.GetAsync("/api/content/A")).Status);
    }

    [Fact]
    public async Task Sends_nothing_if_a_run_would_delist_too_much_unless_a_larger_share_is_allowed()
    {
        for (var i = 0; i < 4; i++) await _api.PostAsync("/api/content", ApiHarness.Item($"I{i}"));
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        _api.Catalog.Text = TestSnapshot.Line("I0", "奶茶");

        var stopped = await RunAsync("{}");
        var allowed = await RunAsync("""{"allowDelist":0.75}""");

        Assert.Equal("stopped", Text(stopped, "state"));
        Assert.Contains("0.75", Text(stopped, "message"), StringComparison.Ordinal);
        Assert.Equal(("completed", 3), (Text(allowed, "state"), Count(allowed, "counts", "sent")));
    }

    [Fact]
    public async Task Identifies_the_run_that_is_in_progress()
    {
        var first = (await StartAsync("{}")).Headers.Location.ToString();
        var second = await StartAsync("{}");
        Assert.Equal(409, second.Status);
        Assert.Equal(first, second.Headers.Location.ToString());
        Assert.Equal(first, second.Json.GetProperty("instance").GetString());
        Assert.Contains(first["/api/resyncs/".Length..], second.Detail, StringComparison.Ordinal);
        Assert.Equal(202, (await StartAsync("""{"source":"ledger"}""")).Status);
    }

    [Fact]
    public async Task Sends_the_requested_items_of_the_ledger_again()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("OLD"));
        _api.Time.Advance(TimeSpan.FromDays(10));
        await _api.PostAsync("/api/content", ApiHarness.Item("NEW"));

        var location = (await StartAsync("""{"source":"ledger","resend":{"olderThanDays":7.5}}""")).Headers.Location.ToString();
        await _api.ContinueRunAsync(_api.Sources.Ledger);

        var run = await _api.GetAsync(location);
        Assert.Equal(("completed", "ledger", 1), (Text(run, "state"), Text(run, "source"), Count(run, "counts", "sent")));
        Assert.Equal(7.5, run.Json.GetProperty("parameters").GetProperty("resend").GetProperty("olderThanDays").GetDouble());
    }

    [Fact]
    public async Task Lists_runs_newest_first()
    {
        var first = await RunAsync("""{"dryRun":true}""");
        _api.Time.Advance(TimeSpan.FromMinutes(1));
        await StartAsync("""{"source":"ledger"}""");
        var items = (await _api.GetAsync("/api/resyncs")).Json.GetProperty("items");
        Assert.Equal(("ledger", "planning"), (items[0].GetProperty("source").GetString(), items[0].GetProperty("state").GetString()));
        Assert.Equal(Text(first, "runId"), items[1].GetProperty("runId").GetString());
    }

    [Fact]
    public async Task Cancels_a_run_once()
    {
        var location = (await StartAsync("{}")).Headers.Location.ToString();
        var cancelled = await _api.SendAsync("POST", location + "/cancel", null);
        Assert.Equal((200, "cancelled"), (cancelled.Status, Text(cancelled, "state")));
        var again = await _api.SendAsync("POST", location + "/cancel", null);
        Assert.Equal(409, again.Status);
        Assert.Contains("(cancelled); only a run in progress", again.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData("..%2F..%2Fledger.db")]
    [InlineData("%00")]
    [InlineData("<script>")]
    public async Task Finds_no_other_run(string runId)
    {
        Assert.Equal(404, (await _api.GetAsync("/api/resyncs/" + runId)).Status);
        Assert.Equal(404, (await _api.SendAsync("POST", $"/api/resyncs/{runId}/cancel", null)).Status);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("null", "null is not a resync request")]
    [InlineData("[]", "source, dryRun, allowDelist, again")]
    [InlineData("""{"source":"catalog"}x""", "not valid JSON at line 1, byte 21")]
    [InlineData("""{"source":"/etc/passwd"}""", "it must be catalog or ledger")]
    [InlineData("""{"source":"https://evil.example/catalog"}""", "it must be catalog or ledger")]
    [InlineData("""{"source":null}""", "it must be catalog or ledger")]
    [InlineData("""{"source":"Catalog"}""", "it must be catalog or ledger")]
    [InlineData("""{"file":"/etc/passwd"}""", "Unknown member 'file'. The request takes source")]
    [InlineData("""{"source":"catalog","source":"ledger"}""", "source")]
    [InlineData("""{"dryRun":"yes"}""", "$.dryRun")]
    [InlineData("""{"allowDelist":1.5}""", "a share from 0 to 1")]
    [InlineData("""{"allowDelist":-0.1}""", "a share from 0 to 1")]
    [InlineData("""{"allowDelist":"0.5"}""", "$.allowDelist")]
    [InlineData("""{"resend":{"pending":true}}""", "resend requires")]
    [InlineData("""{"source":"ledger","resend":{}}""", "resend selects nothing")]
    [InlineData("""{"source":"ledger","resend":{"olderThanDays":0}}""", "above 0")]
    [InlineData("""{"source":"ledger","resend":{"olderThanDays":1e300}}""", "above 0")]
    [InlineData("""{"source":"ledger","resend":{"older":1}}""", "'older'")]
    [InlineData("""{"source":"ledger","allowDelist":0.5}""", "expectedSha256 require")]
    [InlineData("""{"source":"ledger","again":true}""", "expectedSha256 require")]
    [InlineData("""{"source":"ledger","overrideNewer":true}""", "expectedSha256 require")]
    [InlineData("""{"source":"ledger","asOf":"2026-03-01T00:00:00Z"}""", "expectedSha256 require")]
    [InlineData("""{"source":"ledger","expectedItems":1}""", "expectedSha256 require")]
    [InlineData("""{"source":"ledger","expectedSha256":"00"}""", "expectedSha256 require")]
    public async Task Says_what_is_wrong_and_what_would_be_right(string body, string expected)
    {
        var response = await StartAsync(body);
        Assert.Equal(400, response.Status);
        Assert.Contains(expected, response.Detail, StringComparison.Ordinal);
        Assert.Empty(_api.Scheduler.Scheduled);
    }

    [Fact]
    public async Task Accepts_only_short_JSON_bodies()
    {
        Assert.Equal(415, (await _api.PostAsync("/api/resyncs", "source=catalog", "application/x-www-form-urlencoded")).Status);
        Assert.Equal(413, (await StartAsync(new string(' ', 20_000) + "{}")).Status);
        Assert.Equal(400, (await StartAsync(string.Concat(Enumerable.Repeat("{\"resend\":", 100)) + "1" + new string('}', 100))).Status);
    }

    [Fact]
    public async Task Says_that_no_catalog_is_configured()
    {
        using var api = new ApiHarness(hasCatalog: false);
        var response = await api.PostAsync("/api/resyncs", "{}");
        Assert.Equal(400, response.Status);
        Assert.Contains("--catalog", response.Detail, StringComparison.Ordinal);
        Assert.Equal(202, (await api.PostAsync("/api/resyncs", """{"source":"ledger"}""")).Status);
    }

    [Fact]
    public async Task Returns_503_while_the_run_store_is_unavailable()
    {
        var location = (await StartAsync("{}")).Headers.Location.ToString();
        _api.Store.IsUnavailable = true;
        Assert.Equal(503, (await StartAsync("{}")).Status);
        Assert.Equal(503, (await _api.GetAsync("/api/resyncs")).Status);
        Assert.Equal(503, (await _api.GetAsync(location)).Status);
        Assert.Equal(503, (await _api.SendAsync("POST", location + "/cancel", null)).Status);
        Assert.Equal(503, (await _api.GetAsync("/api/board/state")).Status);
    }

    [Fact]
    public async Task Keeps_a_run_that_could_not_be_enqueued()
    {
        _api.Scheduler.IsUnavailable = true;
        var response = await StartAsync("{}");
        Assert.Equal(503, response.Status);
        Assert.Contains("The run is stored", response.Detail, StringComparison.Ordinal);
        Assert.Equal(1, (await _api.GetAsync("/api/resyncs")).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task The_board_lists_runs_in_progress_first()
    {
        for (var i = 0; i < 7; i++)
        {
            await RunAsync("""{"dryRun":true}""");
            _api.Time.Advance(TimeSpan.FromMinutes(1));
        }

        await StartAsync("{}");
        var state = (await _api.GetAsync("/api/board/state")).Json;
        var runs = state.GetProperty("resyncs");
        Assert.Equal(6, runs.GetArrayLength());
        Assert.Equal(("planning", "planned"), (runs[0].GetProperty("state").GetString(), runs[1].GetProperty("state").GetString()));
        Assert.Equal(["catalog", "ledger"], state.GetProperty("resyncSources").EnumerateArray().Select(source => source.GetString()!));
    }

    private static string Text(ApiResponse response, string name) => response.Json.GetProperty(name).GetString()!;

    private static int Count(ApiResponse response, string counts, string name) => response.Json.GetProperty(counts).GetProperty(name).GetInt32();

    private Task<ApiResponse> StartAsync(string body) => _api.PostAsync("/api/resyncs", body);

    private async Task<ApiResponse> RunAsync(string body)
    {
        var started = await StartAsync(body);
        Assert.Equal(202, started.Status);
        await _api.ContinueRunAsync(_api.Catalog);
        return await _api.GetAsync(started.Headers.Location.ToString());
    }
}
