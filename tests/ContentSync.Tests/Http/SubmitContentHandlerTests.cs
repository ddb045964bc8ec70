using ContentSync.Ledger;
using ContentSync.Tests.AlipayHk;

namespace ContentSync.Tests.Http;

public sealed class SubmitContentHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Sends_immediately_and_returns_the_items_state()
    {
        var response = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(200, response.Status);
        Assert.Equal("synchronized", response.Json.GetProperty("state").GetString());
        var read = await _api.GetAsync("/api/content/A");
        Assert.Equal("""{"name":"奶茶"}""", read.Json.GetProperty("contentInfo").GetString());
    }

    [Fact]
    public async Task Enqueues_if_the_caller_prefers_not_to_wait()
    {
        var response = await _api.PostAsync("/api/content", ApiHarness.Item("A B"), "application/json", ("Prefer", "respond-async, wait=5"));
        Assert.Equal(202, response.Status);
        Assert.Equal("/api/content?contentId=A%20B", response.Headers.Location);
        Assert.Equal("respond-async", response.Headers["Preference-Applied"]);
        Assert.Equal("A B", Assert.Single(_api.Queue.Messages).ContentId);
        Assert.Empty(_api.AlipayHk.Sent);
    }

    [Fact]
    public async Task Enqueues_a_delayed_retry_after_a_transient_failure()
    {
        _api.AlipayHk.Always = (_, _) => Task.FromResult(_api.AlipayHk.Signed(FakeAlipayHk.Result("UNKNOWN_EXCEPTION", "F")));
        var response = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(503, response.Status);
        Assert.True(int.Parse(response.Headers.RetryAfter!, System.Globalization.CultureInfo.InvariantCulture) > 0);
        var message = Assert.Single(_api.Queue.Messages);
        var record = (await _api.Ledger.FindAsync("A", CancellationToken.None))!;
        Assert.Equal((record.RequestId, record.Hop), (message.RequestId, message.Hop));
        Assert.Equal(record.DueAt, _api.Time.GetUtcNow() + message.Delay);
    }

    [Fact]
    public async Task Distinguishes_superseded_conflicting_and_rejected_items()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", more: ",\"revision\":5"));
        Assert.Equal("Superseded.", (await _api.PostAsync("/api/content", ApiHarness.Item("A", "older", more: ",\"revision\":4"))).Title);
        Assert.Equal("Revision conflict.", (await _api.PostAsync("/api/content", ApiHarness.Item("A", "other", more: ",\"revision\":5"))).Title);
        await _api.ParkAsync("B");
        Assert.Equal(422, (await _api.PostAsync("/api/content", ApiHarness.Item("B"))).Status);
    }

    [Fact]
    public async Task Names_code_and_tracer_id_of_the_attempt_that_failed()
    {
        Respond("CONTENT_RISKY", "tracer-1");
        var rejected = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal((422, "CONTENT_RISKY", "tracer-1"), (rejected.Status, Member(rejected, "code"), Member(rejected, "tracerId")));
        var again = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal((422, "CONTENT_RISKY", "tracer-1"), (again.Status, Member(again, "code"), Member(again, "tracerId")));
        var invalid = await _api.PostAsync("/api/content", "{}");
        Assert.False(invalid.Json.TryGetProperty("code", out _));

        Respond("UNKNOWN_EXCEPTION", "tracer-2");
        var pending = await _api.PostAsync("/api/content", ApiHarness.Item("B"));
        Assert.Equal((503, "UNKNOWN_EXCEPTION", "tracer-2"), (pending.Status, Member(pending, "code"), Member(pending, "tracerId")));

        static string? Member(ApiResponse response, string name) => response.Json.GetProperty(name).GetString();

        void Respond(string code, string tracerId) => _api.AlipayHk.Always = (_, _) =>
        {
            var response = _api.AlipayHk.Signed(FakeAlipayHk.Result(code, "F"));
            response.Headers.TryAddWithoutValidation("Tracer-Id", tracerId);
            return Task.FromResult(response);
        };
    }

    [Theory]
    [InlineData("/api/sending/pause", """{"reason":7}""", "$.reason at line 1, byte 12 is not of the right type")]
    [InlineData("/api/sending/pause", """{"reason":""", "not valid JSON at line 1, byte 11")]
    [InlineData("/api/sending/pause", """{"by":"a","by":"b"}""", "Member 'by' appears twice")]
    [InlineData("/api/content/replay", """{"limit":1.5}""", "$.limit")]
    [InlineData("/api/content/replay", "[1]", "not of the right type")]
    [InlineData("/api/dead-letters/discard", """{"sequenceNumbers":["x"]}""", "$.sequenceNumbers[0]")]
    public async Task A_body_that_cannot_be_read_is_described_without_the_runtimes_words(string path, string body, string expected)
    {
        var response = await _api.PostAsync(path, body);
        Assert.Equal(400, response.Status);
        Assert.Contains(expected, response.Detail, StringComparison.Ordinal);
        Assert.All(
            ["System.", "ContentSync.", "BytePositionInLine", "LineNumber", "deserialization"],
            word => Assert.DoesNotContain(word, response.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"contentId":"A",""", "malformed-json", "byte ")]
    [InlineData("""{"contentId":"A","contentId":"B"}""", "duplicate-member", "contentId")]
    [InlineData(
        """{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":"""
        + """{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":{"k":{"l":{"m":{"n":{"o":{"p":{"q":1}}}}}}}}}}}}}}}}}}""",
        "content-info-too-deep",
        "16")]
    public async Task Says_what_is_wrong_and_where(string body, string code, string expected)
    {
        var response = await _api.PostAsync("/api/content", body);
        Assert.Equal(400, response.Status);
        var error = response.Json.GetProperty("errors").EnumerateArray().First(error => error.GetProperty("code").GetString() == code);
        Assert.Contains(expected, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_size_and_media_type()
    {
        Assert.Equal(413, (await _api.PostAsync("/api/content", new string(' ', 128 * 1024 + 1))).Status);
        Assert.Equal(415, (await _api.PostAsync("/api/content", "{}", "text/plain")).Status);
        Assert.Equal(415, (await _api.SendAsync("POST", "/api/content", [])).Status);
    }

    [Fact]
    public async Task Accepts_nothing_while_the_ledger_is_unavailable()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("Full.");
        var response = await _api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(503, response.Status);
        Assert.Equal("10", response.Headers.RetryAfter);
    }
}
