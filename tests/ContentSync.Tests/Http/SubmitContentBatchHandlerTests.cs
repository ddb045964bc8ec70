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
    public async Task Accepts_valid_items_next_to_invalid_ones(string contentType, string open, string between, string close)
    {
        string[] items = [ApiHarness.Item("A"), """{"contentId":"B","contentType":"CAR","contentStatus":7}""", ApiHarness.Item("C")];
        var response = await _api.PostAsync(Batch, open + string.Join(between, items) + close, contentType);
        Assert.Equal(202, response.Status);
        Assert.Equal(["accepted", "invalid", "accepted"], Enumerable.Range(0, 3).Select(response.Outcome));
        var invalid = response.Json.GetProperty("items")[1];
        Assert.Equal(1, invalid.GetProperty("index").GetInt32());
        Assert.Equal("B", invalid.GetProperty("contentId").GetString());
        var pointers = invalid.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString());
        Assert.Equal(["/contentType", "/contentStatus", "/contentInfo"], pointers);
        Assert.Equal(2, response.Json.GetProperty("counts").GetProperty("accepted").GetInt32());
        Assert.Equal(["A", "C"], _api.Queue.Messages.Select(message => message.ContentId));
    }

    [Fact]
    public async Task Reports_the_outcomes_in_the_order_of_the_items_across_chunks()
    {
        const int Items = 2_500;
        var lines = Enumerable.Range(0, Items).Select(i => i % 100 == 99 ? "{" : ApiHarness.Item($"c{i}"));
        var response = await _api.PostAsync(Batch, string.Join('\n', lines.Append(ApiHarness.Item("c0"))), Ndjson);
        var outcomes = Enumerable.Range(0, Items).Select(i => i % 100 == 99 ? "invalid" : "accepted").Append("alreadyPending");
        Assert.Equal(outcomes, Enumerable.Range(0, Items + 1).Select(response.Outcome));
        var accepted = Enumerable.Range(0, Items).Where(i => i % 100 != 99).Select(i => $"c{i}");
        Assert.Equal(accepted, _api.Queue.Messages.Select(message => message.ContentId));
    }

    [Fact]
    public async Task Distinguishes_every_outcome()
    {
        await _api.PostAsync(Batch, ApiHarness.Item("pending", more: ",\"revision\":5"), Ndjson);
        await _api.PostAsync("/api/content", ApiHarness.Item("same"));
        await _api.ParkAsync("parked");
        var response = await _api.PostAsync(Batch, string.Join('\n',
            ApiHarness.Item("pending", more: ",\"revision\":5"),
            ApiHarness.Item("same"),
            ApiHarness.Item("parked"),
            ApiHarness.Item("pending", "older", more: ",\"revision\":4"),
            ApiHarness.Item("pending", "other", more: ",\"revision\":5"),
            "{"), Ndjson);
        string[] expected = ["alreadyPending", "unchanged", "parked", "superseded", "revisionConflict", "invalid"];
        Assert.Equal(expected, Enumerable.Range(0, 6).Select(response.Outcome));
    }

    [Fact]
    public async Task Returns_200_if_nothing_is_to_be_sent()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("same"));
        Assert.Equal(200, (await _api.PostAsync(Batch, ApiHarness.Item("same"), Ndjson)).Status);
    }

    [Fact]
    public async Task Accepts_twelve_thousand_items()
    {
        var body = string.Join('\n', Enumerable.Range(0, 12_000).Select(i => ApiHarness.Item($"I{i}")));
        var response = await _api.PostAsync(Batch, body, Ndjson);
        Assert.Equal(202, response.Status);
        Assert.Equal(12_000, response.Json.GetProperty("counts").GetProperty("accepted").GetInt32());
        Assert.Equal(12_000, _api.Queue.Messages.Count);
        Assert.NotNull(await _api.Ledger.FindAsync("I11999", CancellationToken.None));
    }

    [Fact]
    public async Task Keeps_the_items_before_a_syntax_error_and_says_where_it_is()
    {
        var response = await _api.PostAsync(Batch, $"[{ApiHarness.Item("A")} ; {ApiHarness.Item("B")}]");
        Assert.Equal(400, response.Status);
        Assert.Contains("line 1, byte", response.Detail, StringComparison.Ordinal);
        Assert.Equal("accepted", response.Outcome(0));
        Assert.NotNull(await _api.Ledger.FindAsync("A", CancellationToken.None));
    }

    [Fact]
    public async Task Says_which_items_the_ledger_did_not_accept()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("The disk is full.");
        var response = await _api.PostAsync(Batch, ApiHarness.Item("A") + "\n{", Ndjson);
        Assert.Equal(503, response.Status);
        Assert.Equal("10", response.Headers.RetryAfter);
        Assert.Equal(["notAccepted", "invalid"], Enumerable.Range(0, 2).Select(response.Outcome));
    }

    [Fact]
    public async Task Loses_nothing_while_the_queue_is_unavailable()
    {
        _api.Queue.IsUnavailable = true;
        Assert.Equal(202, (await _api.PostAsync(Batch, ApiHarness.Item("A"), Ndjson)).Status);
        Assert.Equal(SyncState.Pending, (await _api.Ledger.FindAsync("A", CancellationToken.None))!.State);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/xml")]
    public async Task Rejects_other_media_types(string contentType) =>
        Assert.Equal(415, (await _api.PostAsync(Batch, "[]", contentType)).Status);

    [Fact]
    public async Task Rejects_compressed_bodies()
    {
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(ApiHarness.Item("A")));
        var response = await _api.SendAsync("POST", Batch, compressed.ToArray(), ("Content-Type", Ndjson));
        Assert.Equal(415, response.Status);
        Assert.Contains("gzip", response.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accepts_an_empty_batch()
    {
        var response = await _api.PostAsync(Batch, "", Ndjson);
        Assert.Equal(200, response.Status);
        Assert.Equal(0, response.Json.GetProperty("items").GetArrayLength());
    }
}
