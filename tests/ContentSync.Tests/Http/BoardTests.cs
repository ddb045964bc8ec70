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
    public async Task Counts_by_state_and_names_the_newest_failures_with_what_to_do()
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
    public async Task Tells_of_a_stop_of_sending()
    {
        _api.AlipayHk.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("INVALID_SIGNATURE", "F")));
        await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        var stop = (await StateAsync()).GetProperty("stop");
        Assert.Equal("configurationFault", stop.GetProperty("cause").GetString());
        Assert.Equal("INVALID_SIGNATURE", stop.GetProperty("code").GetString());
        Assert.Contains("public key", stop.GetProperty("advice").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_the_ledger_once_for_all_who_look()
    {
        await StateAsync();
        await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(0, (await StateAsync()).GetProperty("states").GetProperty("synchronized").GetInt64());
        _api.Time.Advance(LedgerFiguresReader.Interval);
        Assert.Equal(1, (await StateAsync()).GetProperty("states").GetProperty("synchronized").GetInt64());
    }

    [Fact]
    public async Task Says_so_when_the_ledger_is_away()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Gone.");
        Assert.Equal(503, (await _api.GetAsync("/api/board/state")).Status);
    }

    [Fact]
    public void Has_advice_for_every_code_that_is_known()
    {
        var unknown = CodeAdvice.For("NEVER_HEARD_OF");
        var own = typeof(ClientCodes).GetFields().Select(field => (string)field.GetRawConstantValue()!);
        Assert.All(ResultCodes.Table.Keys.Where(code => code != ResultCodes.Success).Concat(own), code => Assert.NotEqual(unknown, CodeAdvice.For(code)));
    }

    [Theory]
    [InlineData("/api/board", "text/html")]
    [InlineData("/api/reference", "text/html")]
    [InlineData("/api/openapi.json", "application/json")]
    [InlineData("/api/board/files/board.js", "text/javascript")]
    [InlineData("/api/board/files/pages.css", "text/css")]
    public async Task Serves_its_files_under_the_strict_policy(string path, string contentType)
    {
        var answer = await _api.GetAsync(path);
        Assert.Equal(200, answer.Status);
        Assert.StartsWith(contentType, answer.Headers.ContentType.ToString(), StringComparison.Ordinal);
        Assert.Equal(SecurityHeaders.ContentSecurityPolicy, answer.Headers.ContentSecurityPolicy);
        Assert.Equal("nosniff", answer.Headers.XContentTypeOptions);
        Assert.DoesNotContain("unsafe", SecurityHeaders.ContentSecurityPolicy, StringComparison.Ordinal);
        Assert.Equal(304, (await _api.SendAsync("GET", path, null, ("If-None-Match", answer.Headers.ETag.ToString()))).Status);
    }

    [Theory]
    [InlineData("nothing.js")]
    [InlineData("..%2F..%2Fappsettings.json")]
    public async Task Serves_no_other_file(string name) => Assert.Equal(404, (await _api.GetAsync("/api/board/files/" + name)).Status);

    [Theory]
    [InlineData("board.html")]
    [InlineData("reference.html")]
    public async Task Has_no_script_or_style_inside_a_page_and_asks_for_nothing_from_elsewhere(string name)
    {
        var page = (await _api.GetAsync("/api/board/files/" + name)).Text;
        Assert.DoesNotMatch(InlineScript(), page);
        Assert.DoesNotMatch(InlineStyle(), page);
        Assert.All(Reference().Matches(page), match => Assert.StartsWith("/api/", match.Groups[1].Value, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("board.js")]
    [InlineData("client.js")]
    [InlineData("reference.js")]
    public async Task Never_writes_text_as_markup(string name) =>
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
