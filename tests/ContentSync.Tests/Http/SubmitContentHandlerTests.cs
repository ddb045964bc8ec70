using ContentSync.Ledger;
using ContentSync.Tests.AlipayHk;

namespace ContentSync.Tests.Http;

public sealed class SubmitContentHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Sends_at_once_and_tells_what_AlipayHK_holds()
    {
        var answer = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(200, answer.Status);
        Assert.Equal("synchronized", answer.Json.GetProperty("state").GetString());
        var read = await _api.GetAsync("/api/content/A");
        Assert.Equal("""{"name":"奶茶"}""", read.Json.GetProperty("contentInfo").GetString());
    }

    [Fact]
    public async Task Enqueues_where_the_caller_prefers_not_to_wait()
    {
        var answer = await _api.PostAsync("/api/content", ApiHarness.Item("A B"), "application/json", ("Prefer", "respond-async, wait=5"));
        Assert.Equal(202, answer.Status);
        Assert.Equal("/api/content/A%20B", answer.Headers.Location);
        Assert.Equal("respond-async", answer.Headers["Preference-Applied"]);
        Assert.Equal("A B", Assert.Single(_api.Queue.Messages).ContentId);
        Assert.Empty(_api.AlipayHk.Sent);
    }

    [Fact]
    public async Task Enqueues_the_next_try_of_what_failed_for_now()
    {
        _api.AlipayHk.Always = (_, _) => Task.FromResult(_api.AlipayHk.Signed(FakeAlipayHk.Result("UNKNOWN_EXCEPTION", "F")));
        var answer = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(503, answer.Status);
        Assert.True(int.Parse(answer.Headers.RetryAfter!, System.Globalization.CultureInfo.InvariantCulture) > 0);
        var wake = Assert.Single(_api.Queue.Messages);
        var record = (await _api.Ledger.FindAsync("A", CancellationToken.None))!;
        Assert.Equal((record.RequestId, record.Hop), (wake.RequestId, wake.Hop));
        Assert.Equal(record.DueAt, _api.Time.GetUtcNow() + wake.Delay);
    }

    [Fact]
    public async Task Tells_superseded_conflicting_and_rejected_contents_apart()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", more: ",\"revision\":5"));
        Assert.Equal("Superseded.", (await _api.PostAsync("/api/content", ApiHarness.Item("A", "older", more: ",\"revision\":4"))).Title);
        Assert.Equal("Revision conflict.", (await _api.PostAsync("/api/content", ApiHarness.Item("A", "other", more: ",\"revision\":5"))).Title);
        await _api.ParkAsync("B");
        Assert.Equal(422, (await _api.PostAsync("/api/content", ApiHarness.Item("B"))).Status);
    }

    [Theory]
    [InlineData("""{"contentId":"A",""", "malformed-json", "byte ")]
    [InlineData("""{"contentId":"A","contentId":"B"}""", "duplicate-member", "contentId")]
    [InlineData("""{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":{"k":{"l":{"m":{"n":{"o":{"p":{"q":1}}}}}}}}}}}}}}}}}}""", "content-info-too-deep", "16")]
    public async Task Names_what_is_wrong_and_where(string body, string code, string words)
    {
        var answer = await _api.PostAsync("/api/content", body);
        Assert.Equal(400, answer.Status);
        var error = answer.Json.GetProperty("errors").EnumerateArray().First(error => error.GetProperty("code").GetString() == code);
        Assert.Contains(words, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_size_and_media_type()
    {
        Assert.Equal(413, (await _api.PostAsync("/api/content", new string(' ', 128 * 1024 + 1))).Status);
        Assert.Equal(415, (await _api.PostAsync("/api/content", "{}", "text/plain")).Status);
        Assert.Equal(415, (await _api.SendAsync("POST", "/api/content", [])).Status);
    }

    [Fact]
    public async Task Accepts_nothing_while_the_ledger_is_away()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Full.");
        var answer = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(503, answer.Status);
        Assert.Equal("10", answer.Headers.RetryAfter);
    }
}
