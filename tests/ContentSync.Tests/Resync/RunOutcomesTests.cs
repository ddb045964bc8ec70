using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;

namespace ContentSync.Tests.Resync;

/// <summary>Counts of runs that ended with items pending or parked, brought up to date from the ledger.</summary>
public sealed class RunOutcomesTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_run_of_an_earlier_version_leaves_no_more_parked_items_than_it_had_open()
    {
        var ended = Ended(new RunCounts { Planned = 10, Sent = 7, Failed = 2, Parked = 1 }, open: null);

        var run = await RefreshAsync(ended, ("p", SyncState.Pending), ("a", SyncState.Parked), ("b", SyncState.Parked), ("c", SyncState.Parked));

        Assert.Equal(new RunCounts { Planned = 10, Sent = 7, Failed = 1, Parked = 2 }, run.Counts);
    }

    [Fact]
    public async Task A_run_that_left_more_items_open_than_it_named_counts_what_the_whole_ledger_has_open()
    {
        var ended = Ended(new RunCounts { Planned = 4, Sent = 2, Failed = 1, Parked = 1 }, new OpenItems { Pending = 1, Parked = 1, Ids = ["a"] });

        var run = await RefreshAsync(ended, ("a", SyncState.Parked), ("b", SyncState.Pending));

        Assert.Equal((1L, 1L), (run.Open!.Pending, run.Open.Parked));
        Assert.Equal(ended.Counts, run.Counts);
    }

    [Fact]
    public async Task A_run_that_named_all_its_open_items_does_not_count_others()
    {
        var ended = Ended(new RunCounts { Planned = 4, Sent = 2, Failed = 1, Parked = 1 }, new OpenItems { Pending = 1, Parked = 1, Ids = ["a", "b"] });

        var run = await RefreshAsync(ended, ("a", SyncState.Parked), ("x", SyncState.Pending), ("y", SyncState.Parked));

        Assert.Equal((0L, 1L), (run.Open!.Pending, run.Open.Parked));
        Assert.Equal(new RunCounts { Planned = 4, Sent = 3, Parked = 1 }, run.Counts);
    }

    private static async Task<ResyncRun> RefreshAsync(ResyncRun run, params (string Id, SyncState State)[] ledger)
    {
        var outcomes = new RunOutcomes((_, _) => ledger.Select(Listed).ToAsyncEnumerable());
        return Assert.Single(await outcomes.RefreshAsync([run], default));
    }

    private static ResyncRun Ended(RunCounts counts, OpenItems? open) => new()
    {
        RunId = new string('1', 32),
        Source = "catalog",
        Parameters = new ResyncParameters(),
        State = ResyncRunState.Completed,
        Message = "Done.",
        RequestedAt = Noon,
        UpdatedAt = Noon,
        Counts = counts,
        Open = open,
    };

    private static ListedItem Listed((string Id, SyncState State) item) => new()
    {
        ContentId = item.Id,
        ContentType = "SKU",
        ContentStatus = ContentStatus.Valid,
        Version = new ChangeVersion(1, null, Noon),
        RequestId = new string('2', 32),
        State = item.State,
        AcceptedAt = Noon,
        DueAt = Noon,
    };
}
