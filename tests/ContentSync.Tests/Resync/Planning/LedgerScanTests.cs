using ContentSync.Ledger;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Resync.Planning;

public sealed class LedgerScanTests
{
    [Fact]
    public async Task The_scan_of_the_SQLite_ledger_agrees_with_its_records()
    {
        using var folder = new TemporaryFolder();
        var options = new SqliteLedgerOptions(folder.File("ledger.db"));
        await using var ledger = await SqliteLedger.OpenAsync(options, TimeProvider.System, default);
        var submissions = new TestSubmissions();
        await ledger.AcceptAsync([.. Enumerable.Range(0, 5_000).Select(i => submissions.Of($"id-{i}", $"content {i % 7}", 1))], default);
        var parked = (await ledger.LeaseAsync("id-7", TimeSpan.FromMinutes(1), default)).Record!;
        await ledger.RecordAsync(parked, AttemptOutcomes.Parked(parked, TimeProvider.System.GetUtcNow(), ParkReason.AgeExceeded), default);
        var sent = (await ledger.LeaseAsync("id-8", TimeSpan.FromMinutes(1), default)).Record!;
        await ledger.RecordAsync(sent, AttemptOutcomes.Synchronized(sent, TimeProvider.System.GetUtcNow()), default);

        var items = await ReadAsync(new SqliteLedgerScan(options));

        Assert.Equal(5_000, items.Count);
        Assert.Equal(await ReadAsync(new RecordScan(ledger)), items);
        Assert.Equal((SyncState.Parked, ParkReason.AgeExceeded), (items["id-7"].State, items["id-7"].ParkReason));
        Assert.Equal(SyncState.Synchronized, items["id-8"].State);
    }

    private static async Task<Dictionary<string, ScannedItem>> ReadAsync(ILedgerScan scan)
    {
        var items = new Dictionary<string, ScannedItem>(StringComparer.Ordinal);
        await foreach (var item in scan.ReadAsync(default)) items.Add(item.ContentId, item);
        return items;
    }
}
