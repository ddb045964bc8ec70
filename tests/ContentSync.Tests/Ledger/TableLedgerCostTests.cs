using ContentSync.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Ledger;

/// <summary>What a list or a count reads does not grow with items that it is not about.</summary>
public sealed class TableLedgerCostTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly TestSubmissions _submissions = new();
    private readonly SimulatedTableStorage _storage = new();

    [Fact]
    public async Task Finding_ids_by_prefix_reads_no_record_before_the_prefix()
    {
        var ledger = await LedgerAsync();
        await SynchronizeAsync(ledger, "m.1");
        var alone = await BytesOfAsync(FindAsync);

        for (var i = 0; i < 40; i++) await SynchronizeAsync(ledger, $"a.{i}");

        Assert.Equal(alone, await BytesOfAsync(FindAsync));

        async Task FindAsync() =>
            Assert.Single((await ledger.PageAsync(new SyncRecordFilter { IdPrefix = "m." }, null, 50, default)).Items);
    }

    [Fact]
    public async Task Counting_what_is_out_of_sync_reads_no_item_in_sync()
    {
        var ledger = await LedgerAsync();
        var maintenance = new TableLedgerMaintenance(ledger, _time, new RetentionOptions());
        await ledger.AcceptAsync([_submissions.Of("pending", "A", 1)], default);
        // The first run completes the index; no scan of all records is due again on the same day.
        await RunAsync();
        var alone = await BytesOfAsync(RunAsync);

        for (var i = 0; i < 40; i++) await SynchronizeAsync(ledger, $"a.{i}");

        Assert.Equal(alone, await BytesOfAsync(RunAsync));
        Assert.Equal(1, (await ledger.CountAsync(default)).States[SyncState.Pending]);

        Task RunAsync() => maintenance.RunAsync(TimeSpan.FromHours(1), default);
    }

    private async Task<TableLedger> LedgerAsync()
    {
        var ledger = new TableLedger(_storage.Table(), new RealWaits(_time), null, LedgerIndexStep.Auto);
        await ledger.CreateIfNotExistsAsync(default);
        return ledger;
    }

    private async Task SynchronizeAsync(TableLedger ledger, string id)
    {
        await ledger.AcceptAsync([_submissions.Of(id, "A", 1)], default);
        var leased = (await ledger.LeaseAsync(id, TimeSpan.FromMinutes(2), default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);
    }

    private async Task<long> BytesOfAsync(Func<Task> read)
    {
        var before = _storage.Counter.BytesReceived;
        await read();
        return _storage.Counter.BytesReceived - before;
    }
}
