using System.Text;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Ledger;

/// <summary>What a call writes after another one came between its reading and its writing.</summary>
public sealed class TableLedgerConflictTests
{
    private static readonly ContentReader Reader = new(new ContentOptions(), TimeProvider.System);

    private readonly TableLedger _ledger = new(
        new SimulatedTableStorage().Table(), new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero)));

    [Fact]
    public async Task A_delisting_by_id_takes_the_content_that_came_between()
    {
        await _ledger.CreateIfNotExistsAsync(default);
        await _ledger.AcceptAsync([Submit("old", 1)], default);
        var prepared = new List<string>();
        var delisting = new Submission(Delisting.ById("A", 3), TestSubmissions.Numbered(3), item =>
        {
            if (prepared.Count == 0) Task.Run(() => _ledger.AcceptAsync([Submit("new", 2)], default).AsTask()).GetAwaiter().GetResult();
            prepared.Add(Encoding.UTF8.GetString(item.ContentInfo.Span));
            return Request(item, $"delisting-{prepared.Count}");
        });

        await _ledger.AcceptAsync([delisting], default);

        var record = (await _ledger.FindAsync("A", default))!;
        Assert.Equal("""{"title":"new"}""", Encoding.UTF8.GetString(record.ReadContentInfo()!.Value.Span));
        Assert.Equal((ContentStatus.Invalid, "delisting-2"), (record.ContentStatus, record.RequestId));
        Assert.Equal(["""{"title":"old"}""", """{"title":"new"}"""], prepared);
    }

    [Fact]
    public async Task An_item_keeps_its_request_when_the_rules_are_applied_again()
    {
        await _ledger.CreateIfNotExistsAsync(default);
        await _ledger.AcceptAsync([Submit("old", 1)], default);
        var prepared = 0;
        var submission = Submit("newest", 3);
        var counting = submission with
        {
            Prepare = item =>
            {
                if (prepared++ == 0) Task.Run(() => _ledger.AcceptAsync([Submit("new", 2)], default).AsTask()).GetAwaiter().GetResult();
                return submission.Prepare(item);
            },
        };

        await _ledger.AcceptAsync([counting], default);

        Assert.Equal((1, "request-3"), (prepared, (await _ledger.FindAsync("A", default))!.RequestId));
    }

    [Fact]
    public async Task A_version_that_is_not_valid_keeps_its_time_of_receipt_when_a_newer_one_comes_between()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
        var interference = new TableInterference();
        var storage = new SimulatedTableStorage(time);
        var table = storage.Table(interference);
        var ledger = new TableLedger(table, time);
        await ledger.CreateIfNotExistsAsync(default);
        await ledger.AcceptAsync([Received("old")], default);
        time.Advance(TimeSpan.FromSeconds(1));
        interference.BeforeNextWrite(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await new TableLedger(storage.Client(table.Name), time).AcceptAsync([Received("new")], default);
            time.Advance(TimeSpan.FromSeconds(1));
        });

        await ledger.RefuseAsync("A", default, "too-large", "It is too large.", default);

        var record = (await ledger.FindAsync("A", default))!;
        Assert.Equal("""{"title":"new"}""", Encoding.UTF8.GetString(record.ReadContentInfo()!.Value.Span));
        Assert.False(record.IsStale);
    }

    private static Submission Received(string title)
    {
        var json = $$$"""{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{"title":"{{{title}}}"}}""";
        return new Submission(Reader.Read(Encoding.UTF8.GetBytes(json)).Item!, default, changed => Request(changed, title));
    }

    private static Submission Submit(string title, long revision)
    {
        var json = $$$"""{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{"title":"{{{title}}}"},"revision":{{{revision}}}}""";
        var item = Reader.Read(Encoding.UTF8.GetBytes(json)).Item!;
        return new Submission(item, TestSubmissions.Numbered(revision), changed => Request(changed, $"request-{revision}"));
    }

    private static PreparedRequest Request(ContentItem item, string requestId)
    {
        var contentInfo = JsonSerializer.Serialize(Encoding.UTF8.GetString(item.ContentInfo.Span));
        return new PreparedRequest(requestId, Encoding.UTF8.GetBytes($$"""{"requestId":"{{requestId}}","contentInfo":{{contentInfo}}}"""));
    }
}
