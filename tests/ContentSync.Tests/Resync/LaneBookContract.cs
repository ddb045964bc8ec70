using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Tests.Ledger;

namespace ContentSync.Tests.Resync;

/// <summary>What every lane book must do.</summary>
public abstract class LaneBookContract
{
    private static readonly RunCounts Counts = new() { Sent = 40, Unchanged = 4, Superseded = 3, Failed = 2, Parked = 1 };

    private readonly string _runId = Guid.NewGuid().ToString("N");

    protected abstract Task<ILaneProgressStore> OpenAsync();

    [SkippableFact]
    public async Task Counts_each_pack_of_each_lane_once()
    {
        var book = await OpenAsync();
        Assert.True(await book.CountAsync(Pack(3, 1), Counts, default));
        Assert.True(await book.CountAsync(Pack(3, 0), Counts, default));
        Assert.False(await book.CountAsync(Pack(3, 1), Counts, default));
        Assert.True(await book.CountAsync(Pack(12, 1), Counts, default));
        Assert.True(await book.CountAsync(Pack(3, 1) with { RunId = Guid.NewGuid().ToString("N") }, Counts, default));

        var standings = (await ListAsync(book)).OrderBy(standing => standing.Lane).ToArray();

        Assert.Equal([(3, "0-1", 2L), (12, "1", 1L)], standings.Select(standing => (standing.Lane, standing.Packs, standing.CountedPacks)));
        Assert.Equal([Counts + Counts, Counts], standings.Select(standing => standing.Counts));
    }

    [SkippableFact]
    public async Task Loses_no_pack_where_many_count_in_one_lane_at_the_same_time()
    {
        var book = await OpenAsync();

        var counted = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => book.CountAsync(Pack(0, i / 2), Counts, default).AsTask()));

        Assert.Equal(6, counted.Count(one => one));
        Assert.Equal(("0-5", 6 * Counts.Done), (Assert.Single(await ListAsync(book)).Packs, (await ListAsync(book))[0].Counts.Done));
    }

    [SkippableFact]
    public async Task Forgets_a_run()
    {
        var book = await OpenAsync();
        await book.CountAsync(Pack(0, 0), Counts, default);
        await book.CountAsync(Pack(1, 0), Counts, default);

        await book.DeleteAsync(_runId, default);
        await book.DeleteAsync(_runId, default);

        Assert.Empty(await ListAsync(book));
    }

    private protected ResyncPack Pack(int lane, long number) => new(_runId, lane, number, []);

    private async Task<List<LaneProgress>> ListAsync(ILaneProgressStore book)
    {
        var standings = new List<LaneProgress>();
        await foreach (var standing in book.ListAsync(_runId, default)) standings.Add(standing);
        return standings;
    }
}

public sealed class MemoryLaneBookTests : LaneBookContract
{
    private readonly MemoryLaneBook _book = new();

    protected override Task<ILaneProgressStore> OpenAsync() => Task.FromResult<ILaneProgressStore>(_book);
}

[Collection(AzuriteTests.Name)]
public sealed class TableLaneBookTests(AzuriteStorage azurite) : LaneBookContract
{
    [SkippableFact]
    public async Task Counts_once_where_the_answer_to_the_write_is_lost()
    {
        var interference = new AzuriteInterference();
        var book = new TableLaneProgressStore(azurite.Table(interference));
        await book.CreateIfNotExistsAsync(default);
        await book.CountAsync(Pack(0, 0), new RunCounts { Sent = 5 }, default);
        interference.LoseNextResponse();

        await book.CountAsync(Pack(0, 1), new RunCounts { Sent = 5 }, default);

        await foreach (var standing in book.ListAsync(Pack(0, 0).RunId, default)) Assert.Equal(10, standing.Counts.Sent);
    }

    [SkippableFact]
    public async Task Says_that_the_table_does_not_exist()
    {
        var fault = await Assert.ThrowsAsync<IOException>(async () => await new TableLaneProgressStore(azurite.Table()).CountAsync(Pack(0, 0), new RunCounts(), default));
        Assert.Contains("create it first", fault.Message, StringComparison.Ordinal);
    }

    protected override async Task<ILaneProgressStore> OpenAsync()
    {
        var book = new TableLaneProgressStore(azurite.Table());
        await book.CreateIfNotExistsAsync(default);
        return book;
    }
}
