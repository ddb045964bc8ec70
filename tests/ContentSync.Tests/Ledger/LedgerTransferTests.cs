using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.SimulatedStorage;
using ContentSync.Sqlite;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Ledger;

/// <summary>Exports and imports, from one kind of ledger to the other and back.</summary>
public sealed class LedgerTransferTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero).AddTicks(1234567));
    private readonly TestSubmissions _submissions = new();
    private readonly SimulatedTableStorage _storage = new();
    private readonly TemporaryFolder _folder = new();
    private SqliteLedger _sqlite = null!;
    private TableLedger _table = null!;

    public async Task InitializeAsync()
    {
        _sqlite = await OpenAsync("first.db");
        _table = new TableLedger(_storage.Table(), new RealWaits(_time));
        await _table.CreateIfNotExistsAsync(default);
    }

    public async Task DisposeAsync() => await _sqlite.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Carries_every_record_from_one_ledger_to_the_other_and_back()
    {
        await FillAsync(_sqlite);
        var before = await RecordsAsync(_sqlite);
        Assert.Equal(6, before.Count);

        await ImportAsync(_table, await ExportAsync(_sqlite));
        var between = await RecordsAsync(_table);
        await using var back = await OpenAsync("second.db");
        await ImportAsync(back, await ExportAsync(_table));
        var after = await RecordsAsync(back);

        Assert.Equal(before.Keys.Order(), between.Keys.Order());
        foreach (var (id, record) in before)
        {
            AssertCarried(record, between[id], hops: 1);
            AssertCarried(record, after[id], hops: 2);
        }

        var counts = await new LedgerImport(_table).RunAsync(new MemoryStream(await ExportAsync(_sqlite)), isWhole: true, default);
        Assert.Equal(new ImportCounts(0, 6), counts);
        Assert.Equal(between.Values.Select(r => r.ETag).Order(), (await RecordsAsync(_table)).Values.Select(r => r.ETag).Order());
    }

    [Fact]
    public async Task Sends_what_was_imported_again_because_its_outcome_is_unknown()
    {
        await FillAsync(_sqlite);
        var held = (await _sqlite.FindAsync("synchronized", default))!;
        await ImportAsync(_table, await ExportAsync(_sqlite));

        var leased = await _table.LeaseAsync("synchronized", Duration, default);

        Assert.Equal((LeaseStatus.Granted, held.RequestId, 1), (leased.Status, leased.Record!.RequestId, leased.Record.Attempts));
        Assert.Null((await _table.FindAsync("synchronized", default))!.SynchronizedHash);
        Assert.Equal(LeaseStatus.NotPending, (await _table.LeaseAsync("parked", Duration, default)).Status);
        Assert.Contains("synchronized", await PendingAsync(_table));
    }

    [Fact]
    public async Task Leaves_a_newer_version_alone_and_replaces_an_older_one()
    {
        await FillAsync(_sqlite);
        await _table.AcceptAsync([_submissions.Of("synchronized", "newer", 9), _submissions.Of("pending", "older", 0)], default);

        var counts = await ImportAsync(_table, await ExportAsync(_sqlite));

        Assert.Equal(new ImportCounts(5, 1), counts);
        Assert.Equal((9L, 1L), ((await _table.FindAsync("synchronized", default))!.Version.Number, (await _table.FindAsync("pending", default))!.Version.Number));
        Assert.Equal(TestSubmissions.BodyOf("A"), (await _table.FindAsync("pending", default))!.Body.ToArray());
    }

    [Fact]
    public async Task Carries_the_horizon_so_that_a_forgotten_item_stays_delisted()
    {
        await _sqlite.AcceptAsync([new Submission(Delisting.ById("gone", 1), TestSubmissions.Numbered(1), null!)], default);
        _time.Advance(TimeSpan.FromDays(500));
        var options = new SqliteLedgerOptions(_folder.File("first.db"));
        await new SqliteLedgerMaintenance(_sqlite, options, new RetentionOptions(), _time).RunAsync(TimeSpan.FromHours(1), default);

        await ImportAsync(_table, await ExportAsync(_sqlite));

        Assert.Equal(await _sqlite.HorizonAsync(default), await _table.HorizonAsync(default));
        Assert.Equal(AcceptanceKind.Superseded, (await _table.AcceptAsync([_submissions.Of("gone", "A", 1)], default))[0].Kind);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Imports_everything_once_whatever_fails_if_it_is_repeated(int seed)
    {
        await _sqlite.AcceptAsync([.. Enumerable.Range(0, 250).Select(i => _submissions.Of($"item-{i}", "A", 1))], default);
        var export = await ExportAsync(_sqlite);
        var faults = new Random(seed);
        _storage.Service.Fault = _ =>
        {
            lock (faults) return faults.Next(5) == 0 ? (TableFault)faults.Next(9) : TableFault.None;
        };
        for (var run = 0; run < 10; run++)
        {
            try
            {
                await ImportAsync(_table, export);
                break;
            }
            catch (LedgerUnavailableException)
            {
                // Repeated.
            }
        }

        _storage.Service.Fault = null;
        Assert.Equal(new ImportCounts(0, 250), await ImportAsync(_table, export));
        Assert.All((await RecordsAsync(_table)).Values, record => Assert.Equal((1, SyncState.Pending), (record.Hop, record.State)));
        Assert.Equal(250, (await PendingAsync(_table)).Count);
    }

    [Theory]
    [InlineData("not json", 2, "It is not a JSON object")]
    [InlineData("[]", 2, "It is not a JSON object")]
    [InlineData("""{"contentId":"a"}""", 2, "missing required properties")]
    [InlineData("""{"contentId":"a","colour":1}""", 2, "colour")]
    [InlineData("""{"format":"contentsync-ledger","version":1,"exportedAt":"2026-03-01T00:00:00Z"}""", 2, "Only the first line")]
    [InlineData("""{"end":true,"records":3}""", 2, "The export has 3 records, but 0 precede this line")]
    public async Task Names_the_line_that_is_wrong_and_what_would_be_right(string line, int number, string expected)
    {
        var lines = $$"""{"format":"contentsync-ledger","version":1,"exportedAt":"2026-03-01T00:00:00Z"}{{"\n"}}{{line}}{{"\n"}}""";

        var fault = await Assert.ThrowsAsync<LedgerFormatException>(() => ImportAsync(_table, Encoding.UTF8.GetBytes(lines)));

        Assert.StartsWith($"Line {number} cannot be imported. ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"digest\":\"", "\"digest\":\"x", "digest has 65 characters; it must be 64 hex digits")]
    [InlineData("\"state\":\"pending\"", "\"state\":\"waiting\"", "state must be one of pending, synchronized, parked, tombstone")]
    [InlineData("\"state\":\"pending\"", "\"state\":\"parked\"", "parkReason must be given if state is parked")]
    [InlineData("\"contentStatus\":1", "\"contentStatus\":2", "contentStatus is 2; it must be 0 or 1")]
    [InlineData("\"contentId\":\"a\"", "\"contentId\":\"\"", "contentId is empty")]
    [InlineData("\"contentId\":\"a\"", "\"contentId\":\"LONG\"", "does not fit into the ledger")]
    public async Task Names_the_member_that_is_wrong(string right, string wrong, string expected)
    {
        await _sqlite.AcceptAsync([_submissions.Of("a", "A", 1)], default);
        var lines = Encoding.UTF8.GetString(await ExportAsync(_sqlite))
            .Replace(right, wrong.Replace("LONG", new string('票', 103), StringComparison.Ordinal), StringComparison.Ordinal);

        var fault = await Assert.ThrowsAsync<LedgerFormatException>(() => ImportAsync(_table, Encoding.UTF8.GetBytes(lines)));

        Assert.StartsWith("Line 2 cannot be imported. ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_an_export_that_was_cut_off_but_keeps_what_it_read()
    {
        await _sqlite.AcceptAsync([_submissions.Of("a", "A", 1), _submissions.Of("b", "A", 1)], default);
        var lines = Encoding.UTF8.GetString(await ExportAsync(_sqlite)).Split('\n');

        var fault = await Assert.ThrowsAsync<LedgerFormatException>(
            () => ImportAsync(_table, Encoding.UTF8.GetBytes(string.Join('\n', lines[..2]) + "\n")));

        Assert.Contains("the export was cut off", fault.Message, StringComparison.Ordinal);
        Assert.Single(await RecordsAsync(_table));
    }

    [Fact]
    public async Task Refuses_a_line_that_is_too_long_and_an_export_of_a_newer_program()
    {
        var tooLong = await Assert.ThrowsAsync<LedgerFormatException>(() => ImportAsync(_table, new byte[LedgerImport.MaxLineBytes + 1]));
        Assert.Contains($"longer than {LedgerImport.MaxLineBytes} bytes", tooLong.Message, StringComparison.Ordinal);
        var newer = await Assert.ThrowsAsync<LedgerFormatException>(() => ImportAsync(
            _table, """{"format":"contentsync-ledger","version":2,"exportedAt":"2026-03-01T00:00:00Z"}"""u8.ToArray()));
        Assert.Contains("this program reads up to 1", newer.Message, StringComparison.Ordinal);
    }

    private static void AssertCarried(SyncRecord before, SyncRecord after, int hops)
    {
        var isSent = before.State is SyncState.Pending or SyncState.Synchronized;
        Assert.Equal(before.Body.ToArray(), after.Body.ToArray());
        Assert.Equal((isSent ? SyncState.Pending : before.State, before.Hop + hops), (after.State, after.Hop));
        SyncRecord Comparable(SyncRecord record) => record with
        {
            Body = default,
            State = default,
            Hop = 0,
            Attempts = 0,
            SynchronizedHash = null,
            Lease = null,
            AcceptedAt = default,
            DueAt = default,
            ETag = "",
            HasIndexRow = false,
        };
        Assert.Equal(Comparable(before), Comparable(after));
    }

    /// <summary>One record of each state and kind.</summary>
    [Fact]
    public async Task A_list_shows_every_item_as_its_record_is()
    {
        await FillAsync(_sqlite);
        await ImportAsync(_table, await ExportAsync(_sqlite));

        foreach (var ledger in (ISyncLedger[])[_sqlite, _table])
        {
            var records = await RecordsAsync(ledger);
            var listed = await ledger.ListItemsAsync(new SyncRecordFilter(), default).ToListAsync();
            Assert.Equal(records.Count, listed.Count);
            Assert.All(listed, item => Assert.Equal(ListedItem.Of(records[item.ContentId]), item));
        }
    }

    private async Task FillAsync(SqliteLedger ledger)
    {
        var bytes = new byte[] { 0xFF, 0x00, 0xFE };
        await ledger.AcceptAsync(
            [
                _submissions.Of("pending", "A", 1),
                _submissions.Of("synchronized", "港式奶茶 \"🎬\"", TestSubmissions.Given(_time.GetUtcNow())),
                _submissions.Of("parked", "A", TestSubmissions.At(TestSubmissions.Received)),
                _submissions.Of("stale", "A", 1, "MOVIE"),
                _submissions.Of("binary/字", "A", 1) with { Prepare = _ => new PreparedRequest(new string('b', 32), bytes) },
                new Submission(Delisting.ById("tombstone", 1), TestSubmissions.Numbered(1), null!),
            ],
            default);
        await EndAsync(ledger, "parked", leased => AttemptOutcomes.Parked(leased, _time.GetUtcNow(), ParkReason.Rejected));
        await EndAsync(ledger, "stale", leased => AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()) with { TemplateCode = "T", TemplateStatus = "valid" });
        await EndAsync(ledger, "stale", null);
        await ledger.RefuseAsync("stale", TestSubmissions.Numbered(2), "required", "\"name\" is missing", default);
        for (var version = 1; version <= 3; version++)
        {
            var time = TestSubmissions.Given(_time.GetUtcNow());
            await ledger.AcceptAsync([_submissions.Of("synchronized", $"V{version}", time) with { KeepsSentBody = true }], default);
            await EndAsync(ledger, "synchronized", leased => AttemptOutcomes.RetryAt(leased, _time.GetUtcNow(), _time.GetUtcNow()));
            await EndAsync(ledger, "synchronized", leased => AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()));
        }
    }

    private async Task EndAsync(SqliteLedger ledger, string id, Func<SyncRecord, AttemptOutcome>? outcome)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        if (outcome is null) return;
        var leased = (await ledger.LeaseAsync(id, Duration, default)).Record!;
        await ledger.RecordAsync(leased, outcome(leased), default);
    }

    private async Task<byte[]> ExportAsync(ISyncLedger ledger)
    {
        using var output = new MemoryStream();
        var records = ledger.ListAsync(new SyncRecordFilter(), default);
        await new LedgerExport(output).WriteAsync(records, await ledger.HorizonAsync(default), _time.GetUtcNow(), default);
        return output.ToArray();
    }

    private static Task<ImportCounts> ImportAsync(ILedgerImport ledger, byte[] lines) =>
        new LedgerImport(ledger).RunAsync(new MemoryStream(lines), isWhole: true, default);

    private static async Task<Dictionary<string, SyncRecord>> RecordsAsync(ISyncLedger ledger) =>
        await ledger.ListAsync(new SyncRecordFilter(), default).ToDictionaryAsync(record => record.ContentId);

    private static async Task<List<string>> PendingAsync(ISyncLedger ledger) =>
        await ledger.ListItemsAsync(new SyncRecordFilter { State = SyncState.Pending }, default).Select(item => item.ContentId).ToListAsync();

    private Task<SqliteLedger> OpenAsync(string file) => SqliteLedger.OpenAsync(
        new SqliteLedgerOptions(_folder.File(file)) { Durability = LedgerDurability.ProcessEnd }, _time, default);
}
