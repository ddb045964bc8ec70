using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Tests.Local.Storage;

namespace ContentSync.Tests.Resync;

public sealed class FileResyncRunsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Keeps_the_newest_run_of_each_source_over_a_restart()
    {
        var written = await Open().WriteAsync(Run("one", "a"), default);
        await Open().WriteAsync(Run("two", "b"), default);
        await Open().WriteAsync(written! with { Pages = 7, Counts = new RunCounts { Planned = 9, Sent = 3 } }, default);

        var found = await Open().FindAsync("a", default);

        Assert.Equal(written with { Pages = 7, Counts = new RunCounts { Planned = 9, Sent = 3 }, Version = 2 }, found);
        Assert.Equal((6, "two"), (found!.Remaining, (await Open().FindAsync("b", default))!.RunId));
        Assert.Null(await Open().FindAsync("c", default));
    }

    [Fact]
    public async Task Refuses_a_write_by_someone_who_has_not_seen_the_last_one()
    {
        var runs = Open();
        var first = await runs.WriteAsync(Run("one", "a"), default);
        await runs.WriteAsync(first! with { State = ResyncRunState.Cancelled }, default);

        Assert.Null(await runs.WriteAsync(first with { Pages = 1 }, default));
        Assert.Equal(ResyncRunState.Cancelled, (await runs.FindAsync("a", default))!.State);
    }

    [Fact]
    public async Task Keeps_a_plan_until_its_run_has_ended()
    {
        var runs = Open();
        using var plan = CatalogPlan.Create(200);
        plan.Select(3);
        plan.Select(199);
        plan.AddVanished("香港"u8);
        await runs.SavePlanAsync("one", plan, default);
        var run = await runs.WriteAsync(Run("one", "a"), default);

        using (var loaded = await Open().LoadPlanAsync("one", default))
        {
            Assert.Equal([3L, 199L], Enumerable.Range(0, 256).Select(i => (long)i).Where(loaded.IsSelected));
            Assert.Equal((2, "香港"), (loaded.Selected, Assert.Single(loaded.Vanished())));
        }

        await runs.WriteAsync(run! with { State = ResyncRunState.Completed }, default);
        await Assert.ThrowsAsync<FileNotFoundException>(async () => await runs.LoadPlanAsync("one", default));
    }

    [Fact]
    public void Clears_away_what_a_killed_owner_left_half_done()
    {
        Directory.CreateDirectory(_folder.File("plan-killed"));
        File.WriteAllText(_folder.File("x.json.draft"), "{");

        Open();

        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("")));
    }

    private static ResyncRun Run(string id, string source) => new()
    {
        RunId = id,
        Source = source,
        Digest = "d",
        WrittenAt = DateTimeOffset.UnixEpoch,
        StartedAt = DateTimeOffset.UnixEpoch,
        State = ResyncRunState.Sending,
        Plan = new PlanCounts { Items = 9 },
    };

    private FileResyncRuns Open() => FileResyncRuns.Open(_folder.File(""));
}
