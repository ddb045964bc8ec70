using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Tests.Resync;

/// <summary>The behaviour of every resync store.</summary>
public abstract class ResyncStoreContract
{
    private readonly string _prefix = $"{Guid.NewGuid():N}-";

    /// <summary>Opens the store as a new process would.</summary>
    protected abstract Task<IResyncStore> OpenAsync();

    [SkippableFact]
    public async Task Keeps_the_runs_of_each_source_over_a_restart()
    {
        var written = await WriteAsync(new ResyncHistory { Source = Source("a"), Runs = [Run("one", "a")] });
        await WriteAsync(new ResyncHistory { Source = Source("b"), Runs = [Run("two", "b")] });
        var next = Run("one", "a") with
        {
            Pages = 7,
            LanePacks = [3, 4],
            Counts = new RunCounts { Planned = 9, Sent = 3 },
            Issues = [new ResyncIssue("line 7", "香港", "too-long", "It is.")],
        };
        await WriteAsync(written!.With(next) with { Handled = new HandledSnapshot("d", 5, DateTimeOffset.UnixEpoch) });

        var found = await (await OpenAsync()).FindAsync(Source("a"), default);

        var run = Assert.Single(found!.Runs);
        Assert.Equal((7, 7, 6, "line 7"), (run.Pages, run.Packs, run.Remaining, Assert.Single(run.Issues).Place));
        Assert.Equal(
            next with { LanePacks = run.LanePacks, Issues = run.Issues, Duplicates = run.Duplicates, Newer = run.Newer }, run);
        Assert.Equal(new HandledSnapshot("d", 5, DateTimeOffset.UnixEpoch), found.Handled);
        Assert.Equal(Name("two"), (await (await OpenAsync()).FindAsync(Source("b"), default))!.Runs[0].RunId);
        Assert.Null(await (await OpenAsync()).FindAsync(Source("c"), default));
    }

    [SkippableFact]
    public async Task Lists_every_source()
    {
        await WriteAsync(new ResyncHistory { Source = Source("a"), Runs = [Run("one", "a")] });
        await WriteAsync(new ResyncHistory { Source = Source("b"), Runs = [Run("two", "b")] });

        var listed = new List<string>();
        await foreach (var history in (await OpenAsync()).ListAsync(default)) listed.AddRange(history.Runs.Select(run => run.RunId));

        var own = listed.Where(id => id.StartsWith(_prefix, StringComparison.Ordinal));
        Assert.Equal([Name("one"), Name("two")], own.Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task Refuses_a_write_based_on_an_outdated_version()
    {
        var store = await OpenAsync();
        var first = new ResyncHistory { Source = Source("a"), Runs = [Run("one", "a")] };
        var written = await store.WriteAsync(first, default);
        Assert.Null(await store.WriteAsync(first, default));
        await store.WriteAsync(written!.With(Run("one", "a") with { State = ResyncRunState.Cancelled }), default);

        Assert.Null(await store.WriteAsync(written.With(Run("one", "a") with { Pages = 1 }), default));
        Assert.Equal(ResyncRunState.Cancelled, (await store.FindAsync(Source("a"), default))!.Runs[0].State);
    }

    [SkippableFact]
    public async Task Keeps_a_plan_until_it_is_deleted()
    {
        var store = await OpenAsync();
        await using var plan = CatalogPlan.Create(200);
        plan.Select(3);
        plan.Select(199);
        plan.AddNamed("香港"u8);
        await store.SavePlanAsync(Name("one"), plan, default);
        await store.WriteAsync(new ResyncHistory { Source = Source("a"), Runs = [Run("run", "a") with { PlanId = Name("one") }] }, default);

        await using (var loaded = await (await OpenAsync()).LoadPlanAsync(Name("one"), default))
        {
            Assert.Equal([3L, 199L], Enumerable.Range(0, 256).Select(i => (long)i).Where(loaded.IsSelected));
            Assert.Equal((2, "香港"), (loaded.Selected, Assert.Single(await loaded.NamedAsync(default).ToListAsync())));
        }

        await store.DeletePlanAsync(Name("one"), default);
        await store.DeletePlanAsync(Name("one"), default);
        await Assert.ThrowsAnyAsync<IOException>(async () => await store.LoadPlanAsync(Name("one"), default));
    }

    private string Name(string name) => _prefix + name;

    private string Source(string name) => "/catalogs/" + Name(name);

    private ResyncRun Run(string id, string source) => new()
    {
        RunId = Name(id),
        Source = Source(source),
        Parameters = new ResyncParameters { AllowedDelistShare = 0.5 },
        State = ResyncRunState.Sending,
        Message = "Sending.",
        RequestedAt = DateTimeOffset.UnixEpoch,
        UpdatedAt = DateTimeOffset.UnixEpoch,
        Plan = new PlanCounts { Items = 9 },
    };

    private async Task<ResyncHistory?> WriteAsync(ResyncHistory history) => await (await OpenAsync()).WriteAsync(history, default);
}
