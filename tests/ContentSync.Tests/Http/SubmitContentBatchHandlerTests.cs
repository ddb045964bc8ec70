using System.IO.Compression;
using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Tests.Http;

public sealed class SubmitContentBatchHandlerTests : IDisposable
{
    private const string Batch = "/api/content/batch";
    private const string Ndjson = "application/x-ndjson";

    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Theory]
    [InlineData(Ndjson, "", "\n", "")]
    [InlineData("application/json", "[", ",", "]")]
    public async Task Accepts_what_is_valid_beside_what_is_not(string contentType, string open, string between, string close)
    {
        string[] items = [ApiHarness.Item("A"), """{"contentId":"B","contentType":"CAR","contentStatus":7}""", ApiHarness.Item("C")];
        var answer = await _api.PostAsync(Batch, open + string.Join(between, items) + close, contentType);
        Assert.Equal(202, answer.Status);
        Assert.Equal(["accepted", "invalid", "accepted"], Enumerable.Range(0, 3).Select(answer.Outcome));
        var broken = answer.Json.GetProperty("items")[1];
        Assert.Equal(1, broken.GetProperty("index").GetInt32());
        Assert.Equal("B", broken.GetProperty("contentId").GetString());
        Assert.Equal(["/contentType", "/contentStatus", "/contentInfo"], broken.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
        Assert.Equal(2, answer.Json.GetProperty("counts").GetProperty("accepted").GetInt32());
        Assert.Equal(["A", "C"], _api.Queue.Messages.Select(message => message.ContentId));
    }

    [Fact]
    public async Task Tells_the_outcome_of_every_item_in_its_place_however_many_chunks_there_are()
    {
        const int Items = 2_500;
        var lines = Enumerable.Range(0, Items).Select(i => i % 100 == 99 ? "{" : ApiHarness.Item($"c{i}"));
        var answer = await _api.PostAsync(Batch, string.Join('\n', lines.Append(ApiHarness.Item("c0"))), Ndjson);
        Assert.Equal(Enumerable.Range(0, Items).Select(i => i % 100 == 99 ? "invalid" : "accepted").Append("alreadyPending"), Enumerable.Range(0, Items + 1).Select(answer.Outcome));
        Assert.Equal(Enumerable.Range(0, Items).Where(i => i % 100 != 99).Select(i => $"c{i}"), _api.Queue.Messages.Select(message => message.ContentId));
    }

    [Fact]
    public async Task Names_every_outcome()
    {
        await _api.PostAsync(Batch, ApiHarness.Item("pending", more: ",\"revision\":5"), Ndjson);
        await _api.PostAsync("/api/content", ApiHarness.Item("same"));
        await _api.ParkAsync("parked");
        var answer = await _api.PostAsync(Batch, string.Join('\n',
            ApiHarness.Item("pending", more: ",\"revision\":5"),
            ApiHarness.Item("same"),
            ApiHarness.Item("parked"),
            ApiHarness.Item("pending", "older", more: ",\"revision\":4"),
            ApiHarness.Item("pending", "other", more: ",\"revision\":5"),
            "{"), Ndjson);
        Assert.Equal(["alreadyPending", "unchanged", "parked", "superseded", "revisionConflict", "invalid"], Enumerable.Range(0, 6).Select(answer.Outcome));
    }

    [Fact]
    public async Task Answers_200_where_nothing_is_left_to_send()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("same"));
        Assert.Equal(200, (await _api.PostAsync(Batch, ApiHarness.Item("same"), Ndjson)).Status);
    }

    [Fact]
    public async Task Takes_twelve_thousand_items_in()
    {
        var body = string.Join('\n', Enumerable.Range(0, 12_000).Select(i => ApiHarness.Item($"I{i}")));
        var answer = await _api.PostAsync(Batch, body, Ndjson);
        Assert.Equal(202, answer.Status);
        Assert.Equal(12_000, answer.Json.GetProperty("counts").GetProperty("accepted").GetInt32());
        Assert.Equal(12_000, _api.Queue.Messages.Count);
        Assert.NotNull(await _api.Ledger.FindAsync("I11999", CancellationToken.None));
    }

    [Fact]
    public async Task Keeps_what_stands_before_the_place_where_an_array_breaks_and_says_where_that_is()
    {
        var answer = await _api.PostAsync(Batch, $"[{ApiHarness.Item("A")} ; {ApiHarness.Item("B")}]");
        Assert.Equal(400, answer.Status);
        Assert.Contains("line 1, byte", answer.Detail, StringComparison.Ordinal);
        Assert.Equal("accepted", answer.Outcome(0));
        Assert.NotNull(await _api.Ledger.FindAsync("A", CancellationToken.None));
    }

    [Fact]
    public async Task Says_which_items_the_ledger_did_not_take()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("The disk is full.");
        var answer = await _api.PostAsync(Batch, ApiHarness.Item("A") + "\n{", Ndjson);
        Assert.Equal(503, answer.Status);
        Assert.Equal("10", answer.Headers.RetryAfter);
        Assert.Equal(["notAccepted", "invalid"], Enumerable.Range(0, 2).Select(answer.Outcome));
    }

    [Fact]
    public async Task Loses_nothing_when_the_queue_is_away()
    {
        _api.Queue.IsUnavailable = true;
        Assert.Equal(202, (await _api.PostAsync(Batch, ApiHarness.Item("A"), Ndjson)).Status);
        Assert.Equal(SyncState.Pending, (await _api.Ledger.FindAsync("A", CancellationToken.None))!.State);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/xml")]
    public async Task Refuses_another_media_type(string contentType) =>
        Assert.Equal(415, (await _api.PostAsync(Batch, "[]", contentType)).Status);

    [Fact]
    public async Task Does_not_unpack()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) await gzip.WriteAsync(Encoding.UTF8.GetBytes(ApiHarness.Item("A")));
        var answer = await _api.SendAsync("POST", Batch, packed.ToArray(), ("Content-Type", Ndjson));
        Assert.Equal(415, answer.Status);
        Assert.Contains("gzip", answer.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Takes_an_empty_batch_for_what_it_is()
    {
        var answer = await _api.PostAsync(Batch, "", Ndjson);
        Assert.Equal(200, answer.Status);
        Assert.Equal(0, answer.Json.GetProperty("items").GetArrayLength());
    }
}
