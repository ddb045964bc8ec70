using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Tests.Ledger;

namespace ContentSync.Tests.Resync.Lanes;

/// <summary>The behaviour of every lane progress store.</summary>
public abstract class LaneProgressStoreContract
{
    private static readonly RunCounts Counts = new() { Sent = 40, Unchanged = 4, Superseded = 3, Failed = 2, Parked = 1 };

    private readonly string _runId = Guid.NewGuid().ToString("N");

    protected abstract Task<ILaneProgressStore> OpenAsync();

    [SkippableFact]
    public async Task Counts_each_pack_of_each_lane_once()
    {
        var store = await OpenAsync();
        Assert.True(await store.CountAsync(Pack(3, 1), Counts, default));
        Assert.True(await store.CountAsync(Pack(3, 0), Counts, default));
        Assert.False(await store.CountAsync(Pack(3, 1), Counts, default));
        Assert.True(await store.CountAsync(Pack(12, 1), Counts, default));
        Assert.True(await store.CountAsync(Pack(3, 1) with { RunId = Guid.NewGuid().ToString("N") }, Counts, default));

        var lanes = (await ListAsync(store)).OrderBy(progress => progress.Lane).ToArray();

        Assert.Equal([(3, "0-1", 2L), (12, "1", 1L)], lanes.Select(progress => (progress.Lane, progress.Packs, progress.CountedPacks)));
        Assert.Equal([Counts + Counts, Counts], lanes.Select(progress => progress.Counts));
    }

    [SkippableFact]
    public async Task Loses_no_pack_if_many_are_counted_in_one_lane_at_the_same_time()
    {
        var store = await OpenAsync();

        var counted = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => store.CountAsync(Pack(0, i / 2), Counts, default).AsTask()));

        Assert.Equal(6, counted.Count(one => one));
        Assert.Equal(("0-5", 6 * Counts.Done), (Assert.Single(await ListAsync(store)).Packs, (await ListAsync(store))[0].Counts.Done));
    }

    [SkippableFact]
    public async Task Deletes_a_run()
    {
        var store = await OpenAsync();
        await store.CountAsync(Pack(0, 0), Counts, default);
        await store.CountAsync(Pack(1, 0), Counts, default);

        await store.DeleteAsync(_runId, default);
        await store.DeleteAsync(_runId, default);

        Assert.Empty(await ListAsync(store));
    }

    private protected ResyncPack Pack(int lane, long number) => new(_runId, lane, number, []);

    private async Task<List<LaneProgress>> ListAsync(ILaneProgressStore store)
    {
        var lanes = new List<LaneProgress>();
        await foreach (var progress in store.ListAsync(_runId, default)) lanes.Add(progress);
        return lanes;
    }
}

public sealed class MemoryLaneProgressStoreTests : LaneProgressStoreContract
{
    private readonly MemoryLaneProgressStore _store = new();

    protected override Task<ILaneProgressStore> OpenAsync() => Task.FromResult<ILaneProgressStore>(_store);
}

[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class TableLaneProgressStoreTests(AzuriteStorage azurite) : LaneProgressStoreContract
{
    [SkippableFact]
    public async Task Counts_once_if_the_response_to_the_write_is_lost()
    {
        var interference = new TableInterference();
        var store = new TableLaneProgressStore(azurite.Table(interference));
        await store.CreateIfNotExistsAsync(default);
        await store.CountAsync(Pack(0, 0), new RunCounts { Sent = 5 }, default);
        interference.LoseNextResponse();

        await store.CountAsync(Pack(0, 1), new RunCounts { Sent = 5 }, default);

        await foreach (var progress in store.ListAsync(Pack(0, 0).RunId, default)) Assert.Equal(10, progress.Counts.Sent);
    }

    [SkippableFact]
    public async Task Reports_that_the_table_does_not_exist()
    {
        var store = new TableLaneProgressStore(azurite.Table());
        var fault = await Assert.ThrowsAsync<IOException>(async () => await store.CountAsync(Pack(0, 0), new RunCounts(), default));
        Assert.Contains("create it first", fault.Message, StringComparison.Ordinal);
    }

    protected override async Task<ILaneProgressStore> OpenAsync()
    {
        var store = new TableLaneProgressStore(azurite.Table());
        await store.CreateIfNotExistsAsync(default);
        return store;
    }
}
