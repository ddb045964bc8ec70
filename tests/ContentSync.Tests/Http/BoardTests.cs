using System.Text.RegularExpressions;
using ContentSync.AlipayHk;
using ContentSync.Http;
using ContentSync.Http.Board;
using ContentSync.Ledger;
using ContentSync.Tests.AlipayHk;

namespace ContentSync.Tests.Http;

public sealed partial class BoardTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Counts_items_by_state_and_lists_the_latest_failures_with_advice()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        await _api.ParkAsync("P1");
        _api.Time.Advance(TimeSpan.FromSeconds(5));
        await _api.ParkAsync("P2", "PARAM_ILLEGAL", "no <b>price</b>");
        await _api.PostAsync("/api/content", ApiHarness.Item("W"), "application/json", ("Prefer", "respond-async"));
        var state = await StateAsync();
        Assert.Equal(1, state.GetProperty("states").GetProperty("synchronized").GetInt64());
        Assert.Equal(1, state.GetProperty("states").GetProperty("pending").GetInt64());
        Assert.Equal(2, state.GetProperty("parkReasons").GetProperty("rejected").GetInt64());
        Assert.Equal(1, state.GetProperty("synchronizedInTheLastMinute").GetInt64());
        Assert.Equal("W", state.GetProperty("oldestPending").GetProperty("contentId").GetString());
        var failures = state.GetProperty("failures");
        Assert.Equal("P2", failures[0].GetProperty("contentId").GetString());
        Assert.Equal("no <b>price</b>", failures[0].GetProperty("lastAttempt").GetProperty("message").GetString());
        Assert.Contains("mapping", failures[0].GetProperty("advice").GetString(), StringComparison.Ordinal);
        Assert.Equal("P1", failures[1].GetProperty("contentId").GetString());
        Assert.False(state.TryGetProperty("stop", out _));
    }

    [Fact]
    public async Task Groups_the_items_that_are_not_in_sync_by_cause()
    {
        for (var i = 0; i < 5; i++)
        {
            await _api.ParkAsync($"P{i}");
            _api.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await _api.ParkAsync("Q", "PARAM_ILLEGAL", "no price");
        var causes = (await StateAsync()).GetProperty("causes");
        Assert.Equal(2, causes.GetArrayLength());
        Assert.Equal(5, causes[0].GetProperty("count").GetInt64());
        Assert.Equal("CONTENT_RISKY", causes[0].GetProperty("code").GetString());
        Assert.Equal("rejected", causes[0].GetProperty("parkReason").GetString());
        Assert.Equal(["P4", "P3", "P2"], causes[0].GetProperty("contentIds").EnumerateArray().Select(id => id.GetString()));
        Assert.Equal(
            TimeSpan.FromSeconds(4), causes[0].GetProperty("newest").GetDateTimeOffset() - causes[0].GetProperty("since").GetDateTimeOffset());
        Assert.Equal("no price", causes[1].GetProperty("message").GetString());
    }

    [Fact]
    public async Task Says_what_to_do_about_one_item_until_it_is_synchronized()
    {
        await _api.ParkAsync("P");
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        Assert.Contains("Take out what is risky", (await _api.GetAsync("/api/content/P")).Json.GetProperty("advice").GetString(), StringComparison.Ordinal);
        Assert.False((await _api.GetAsync("/api/content/S")).Json.TryGetProperty("advice", out _));
        var listed = (await _api.GetAsync("/api/content?state=parked")).Json.GetProperty("items")[0];
        Assert.False(listed.TryGetProperty("advice", out _));
    }

    [Fact]
    public async Task Shows_the_open_circuit_breaker()
    {
        _api.AlipayHk.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("INVALID_SIGNATURE", "F")));
        foreach (var contentId in (string[])["A", "B"]) await _api.PostAsync("/api/content", ApiHarness.Item(contentId));
        var stop = (await StateAsync()).GetProperty("stop");
        Assert.Equal("configurationFault", stop.GetProperty("cause").GetString());
        Assert.Equal("INVALID_SIGNATURE", stop.GetProperty("code").GetString());
        Assert.Contains("public key", stop.GetProperty("advice").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shows_the_send_budget_and_that_no_instance_is_sending()
    {
        var budget = (await StateAsync()).GetProperty("budget");
        Assert.Equal(1e9, budget.GetProperty("perSecond").GetDouble());
        Assert.Equal(0, budget.GetProperty("instances").GetInt32());
        var sending = (await _api.GetAsync("/api/sending")).Json;
        Assert.Equal(1e9, sending.GetProperty("budget").GetProperty("perSecond").GetDouble());
    }

    [Fact]
    public void Says_in_one_sentence_how_much_of_the_send_budget_is_in_use()
    {
        Assert.Equal("The send budget is 0.5 per second; no instance is sending.", new BudgetState(0.5, 0, 0, 0, 0).Sentence());
        Assert.Equal(
            "The send budget is 200 per second: 120 leased by 3 instances, which could use 150; 7 callers wait.",
            new BudgetState(200, 3, 120, 150, 7).Sentence());
    }

    [Fact]
    public async Task Reads_the_ledger_once_for_all_viewers()
    {
        await StateAsync();
        await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(0, (await StateAsync()).GetProperty("states").GetProperty("synchronized").GetInt64());
        _api.Time.Advance(LedgerFiguresReader.Interval);
        Assert.Equal(1, (await StateAsync()).GetProperty("states").GetProperty("synchronized").GetInt64());
    }

    [Fact]
    public async Task Returns_503_while_the_ledger_is_unavailable()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Gone.");
        Assert.Equal(503, (await _api.GetAsync("/api/board/state")).Status);
    }

    [Fact]
    public void Has_advice_for_every_known_code()
    {
        var unknown = CodeAdvice.For("NEVER_HEARD_OF");
        var own = typeof(ClientCodes).GetFields().Select(field => (string)field.GetRawConstantValue()!);
        var known = ResultCodes.Table.Keys.Where(code => code != ResultCodes.Success).Concat(own);
        Assert.All(known, code => Assert.NotEqual(unknown, CodeAdvice.For(code)));
    }

    [Theory]
    [InlineData("/api/board", "text/html")]
    [InlineData("/api/reference", "text/html")]
    [InlineData("/api/openapi.json", "application/json")]
    [InlineData("/api/board/files/board.js", "text/javascript")]
    [InlineData("/api/board/files/pages.css", "text/css")]
    public async Task Serves_its_files_with_a_strict_content_security_policy(string path, string contentType)
    {
        var response = await _api.GetAsync(path);
        Assert.Equal(200, response.Status);
        Assert.StartsWith(contentType, response.Headers.ContentType.ToString(), StringComparison.Ordinal);
        Assert.Equal(SecurityHeaders.ContentSecurityPolicy, response.Headers.ContentSecurityPolicy);
        Assert.Equal("nosniff", response.Headers.XContentTypeOptions);
        Assert.DoesNotContain("unsafe", SecurityHeaders.ContentSecurityPolicy, StringComparison.Ordinal);
        Assert.Equal(304, (await _api.SendAsync("GET", path, null, ("If-None-Match", response.Headers.ETag.ToString()))).Status);
    }

    [Theory]
    [InlineData("nothing.js")]
    [InlineData("..%2F..%2Fappsettings.json")]
    public async Task Serves_no_other_files(string name) => Assert.Equal(404, (await _api.GetAsync("/api/board/files/" + name)).Status);

    [Theory]
    [InlineData("board.html")]
    [InlineData("reference.html")]
    public async Task Pages_have_no_inline_scripts_or_styles_and_load_nothing_from_other_origins(string name)
    {
        var page = (await _api.GetAsync("/api/board/files/" + name)).Text;
        Assert.DoesNotMatch(InlineScript(), page);
        Assert.DoesNotMatch(InlineStyle(), page);
        Assert.All(Reference().Matches(page), match => Assert.StartsWith("/api/", match.Groups[1].Value, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("board.js")]
    [InlineData("charts.js")]
    [InlineData("client.js")]
    [InlineData("lists.js")]
    [InlineData("reference.js")]
    public async Task Scripts_never_render_text_as_markup(string name) =>
        Assert.DoesNotMatch(Markup(), (await _api.GetAsync("/api/board/files/" + name)).Text);

    private async Task<System.Text.Json.JsonElement> StateAsync() => (await _api.GetAsync("/api/board/state")).Json;

    [GeneratedRegex("""<script(?![^>]*\ssrc=)|\son[a-z]+=""")]
    private static partial Regex InlineScript();

    [GeneratedRegex("""<style|\sstyle=""")]
    private static partial Regex InlineStyle();

    [GeneratedRegex("""\s(?:href|src)="(?!#)([^"]+)""")]
    private static partial Regex Reference();

    [GeneratedRegex("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|eval\\(|new Function|DOMParser|srcdoc")]
    private static partial Regex Markup();
}
