using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Sqlite;

/// <summary>Opens the file of an earlier version, whose records had one number or time each.</summary>
public sealed class SqliteUpgradeTests : IDisposable
{
    private static readonly DateTimeOffset AcceptedAt = new(639313446727028428, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public SqliteUpgradeTests()
    {
        Directory.CreateDirectory(_folder.File("data"));
        using var database = SqliteDatabase.Open(Options.Path, SqliteAccess.Write, TimeSpan.Zero);
        var sample = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Compatibility", "Samples", "ledger.sql"));
        foreach (var statement in sample.Split(";\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            database.Execute(statement);
        // By a clock that was a day ahead.
        database.Execute("UPDATE record SET revision = revision + 86400000000 WHERE content_id = 'OLD-01'");
    }

    private SqliteLedgerOptions Options => new(_folder.File("data/ledger.db")) { Durability = LedgerDurability.ProcessEnd };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_ledger_of_an_earlier_version_keeps_its_records_and_their_order()
    {
        await using var ledger = await SqliteLedger.OpenAsync(Options, new FakeTimeProvider(AcceptedAt.AddDays(2)), default);

        var numbered = (await ledger.FindAsync("OLD-00", default))!;
        Assert.Equal(
            (5L, 5L, 5L, SyncState.Synchronized),
            (numbered.Version.Number, numbered.Order.HighestNumber, numbered.SynchronizedVersion!.Value.Number, numbered.State));
        Assert.Equal((numbered.AcceptedAt, (DateTimeOffset?)null), (numbered.Order.ChangedAt, numbered.Order.LatestGivenTime));
        var ahead = (await ledger.FindAsync("OLD-01", default))!;
        Assert.Equal((AcceptedAt, AcceptedAt), (ahead.Order.ChangedAt, ahead.Order.LatestGivenTime));
        Assert.True(ahead.Order.AheadTimes.Contains(ahead.Version.FirstReceivedAt));
        var timed = (await ledger.FindAsync("OLD-02", default))!;
        Assert.Equal(DateTimeOffset.UnixEpoch.AddTicks(1795747999523380 * 10), timed.Order.ChangedAt);
        Assert.Equal((timed.Order.ChangedAt, (long?)null), (timed.Order.LatestGivenTime!.Value, timed.Order.HighestNumber));
        Assert.Equal(timed.Order.ChangedAt, timed.SynchronizedVersion!.Value.FirstReceivedAt);
        Assert.Equal(timed.Order, (await ScannedAsync())["OLD-02"].Order);
        var counts = await ledger.CountAsync(default);
        Assert.Equal(counts.States.Values.Sum(), counts.Types["SKU"]);
    }

    [Fact]
    public async Task A_ledger_of_an_earlier_version_can_be_read_without_being_opened_for_writing_first()
    {
        await using var reader = await SqliteLedger.OpenReadOnlyAsync(Options, default);

        Assert.Equal(5, (await reader.FindAsync("OLD-00", default))!.Order.HighestNumber);
        Assert.Equal(0, await reader.CountStaleAsync(default));
        Assert.NotEmpty(await reader.CountByStateAsync(default));
    }

    [Fact]
    public async Task A_record_from_a_clock_that_was_ahead_takes_the_next_change()
    {
        var now = AcceptedAt.AddMinutes(10);
        await using var ledger = await SqliteLedger.OpenAsync(Options, new FakeTimeProvider(now), default);
        var item = new ContentReader(new ContentOptions(), TimeProvider.System)
            .Read("""{"contentId":"OLD-01","contentType":"SKU","contentStatus":1,"contentInfo":{"a":1}}"""u8).Item!;

        var accepted = await ledger.AcceptAsync(
            [new Submission(item, ChangeVersion.Of(item, ChangeVersion.OnAcceptance), _ => new PreparedRequest(new string('a', 32), default))], default);

        Assert.Equal((AcceptanceKind.Accepted, now), (accepted[0].Kind, accepted[0].Record.Version.FirstReceivedAt));
    }

    [Fact]
    public async Task A_ledger_without_a_history_gets_one_and_keeps_its_records()
    {
        var options = new SqliteLedgerOptions(_folder.File("data/without.db")) { Durability = LedgerDurability.ProcessEnd };
        var time = new FakeTimeProvider(AcceptedAt);
        SyncRecord before;
        await using (var ledger = await SqliteLedger.OpenAsync(options, time, default)) before = await SynchronizedAsync(ledger, "A", 1, time);
        using (var database = SqliteDatabase.Open(options.Path, SqliteAccess.Write, TimeSpan.Zero))
        {
            database.Execute("ALTER TABLE record DROP COLUMN attempt_version");
            database.Execute("ALTER TABLE record DROP COLUMN earlier_sent");
            database.Execute("ALTER TABLE body DROP COLUMN sent_bodies");
            database.Execute("DROP TABLE type_tally");
            database.Execute("PRAGMA user_version = 3");
        }

        await using var upgraded = await SqliteLedger.OpenAsync(options, time, default);
        var found = (await upgraded.FindAsync("item", default))!;
        Assert.Equal(before with { Body = default, LastAttempt = before.LastAttempt! with { Attempted = null } }, found with { Body = default });
        Assert.Empty(found.ReadSent());
        Assert.Equal(1, (await upgraded.CountAsync(default)).Types["SKU"]);

        var next = await SynchronizedAsync(upgraded, "B", 2, time);
        Assert.Equal(2L, Assert.Single(next.ReadSent()).Attempted.Version.Number);
    }

    private static async Task<SyncRecord> SynchronizedAsync(SqliteLedger ledger, string content, long revision, FakeTimeProvider time)
    {
        time.Advance(TimeSpan.FromMinutes(1));
        await ledger.AcceptAsync([new TestSubmissions().Of("item", content, revision)], default);
        var leased = (await ledger.LeaseAsync("item", TimeSpan.FromMinutes(2), default)).Record!;
        return (await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, time.GetUtcNow()), default)).Record;
    }

    private async Task<Dictionary<string, ScannedItem>> ScannedAsync()
    {
        var items = new Dictionary<string, ScannedItem>(StringComparer.Ordinal);
        await foreach (var item in new SqliteLedgerScan(Options).ReadAsync(default)) items.Add(item.ContentId, item);
        return items;
    }
}
