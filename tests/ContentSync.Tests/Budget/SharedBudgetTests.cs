using ContentSync.Benchmarks.Budget;
using ContentSync.Budget;
using Xunit.Abstractions;

namespace ContentSync.Tests.Budget;

/// <summary>Many processes that share one budget, in virtual time.</summary>
public sealed class SharedBudgetTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(16)]
    [InlineData(64)]
    public void Processes_use_nearly_the_whole_budget_and_never_more_while_some_start_and_stop(int instances)
    {
        var (share, fullest) = BudgetFigures.ShareUsed(instances, minutes: 4);
        output.WriteLine($"{instances}: {share:0.000}, {fullest}");
        Assert.InRange(share, 0.95, 1.0);
        Assert.InRange(fullest, 190, (int)BudgetFigures.PerSecond);
    }

    [Theory]
    [InlineData(200, 8)]
    [InlineData(20, 5)]
    [InlineData(3, 8)]
    [InlineData(0.5, 3)]
    public void No_window_exceeds_the_budget_whatever_fails(double perSecond, int instances)
    {
        for (var seed = 0; seed < 12; seed++)
        {
            var world = Disturbed(seed, perSecond, instances);
            Assert.True(
                world.FullestWindow() <= Math.Max(1, perSecond), $"Seed {seed}: {world.FullestWindow()} requests in a window of {perSecond} per second.");
            Assert.True(world.Left.Count > 60 * perSecond, $"Seed {seed}: only {world.Left.Count} requests left in ten minutes.");
        }
    }

    [Fact]
    public void After_a_crash_the_others_have_the_whole_budget_when_the_lease_has_expired()
    {
        var world = new BudgetWorld(5, BudgetFigures.PerSecond);
        for (var i = 0; i < 4; i++) world.Start(bulkWorkers: 24, singleWorkers: 6);
        world.Run(TimeSpan.FromMinutes(1));
        world.Crash(world.Instances[0]);
        world.Run(TimeSpan.FromSeconds(47));
        var since = world.Time.Elapsed;
        world.Run(TimeSpan.FromMinutes(1));
        Assert.InRange(world.ShareUsed(since), 0.95, 1.0);
        Assert.InRange(world.FullestWindow(), 190, 200);
    }

    [Fact]
    public void Processes_that_share_a_budget_slower_than_their_number_take_turns()
    {
        var world = new BudgetWorld(6, 3);
        for (var i = 0; i < 6; i++) world.Start(bulkWorkers: 8, singleWorkers: 2);
        world.Run(TimeSpan.FromMinutes(20));
        output.WriteLine(string.Join(", ", world.Instances.Select(instance => instance.Sent)) + $"; {world.ShareUsed(TimeSpan.FromMinutes(1)):0.00}");
        Assert.All(world.Instances, instance => Assert.InRange(instance.Sent, 200, 1_800));
        Assert.InRange(world.FullestWindow(), 1, 3);
    }

    [Fact]
    public void Single_changes_hardly_wait_during_a_full_resync()
    {
        var seconds = BudgetFigures.ReservedLatency();
        output.WriteLine($"{seconds:0.000}");
        Assert.InRange(seconds, 0, 1.0);
    }

    [Fact]
    public void The_budget_moves_to_the_busy_process_within_30_seconds()
    {
        var seconds = BudgetFigures.ShareShift(rounds: 20);
        output.WriteLine($"{seconds:0.0}");
        Assert.InRange(seconds, 0, 30);
    }

    [Fact]
    public void The_store_is_called_at_most_5_times_for_1000_requests()
    {
        var calls = BudgetFigures.StoreCallsPerThousandSends();
        output.WriteLine($"{calls:0.00}");
        Assert.InRange(calls, 1, 5);
    }

    [Fact]
    public void The_document_says_how_much_of_the_budget_is_in_use_and_how_many_callers_wait()
    {
        var world = new BudgetWorld(9, BudgetFigures.PerSecond);
        for (var i = 0; i < 3; i++) world.Start(bulkWorkers: 24, singleWorkers: 6);
        world.Run(TimeSpan.FromMinutes(1));
        var use = BudgetUse.Of(world.Store.State, world.Time.GetUtcNow());
        Assert.Equal(3, use.Processes);
        Assert.InRange(use.Leased, 190, 200);
        Assert.InRange(use.Wanted, use.Leased, int.MaxValue);
        Assert.InRange(use.Waiting, 1, 3 * 2 * 30);
        Assert.Equal(default, BudgetUse.Of(world.Store.State, world.Time.GetUtcNow() + TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public void An_idle_process_gives_its_part_back_and_calls_the_store_no_more()
    {
        var world = new BudgetWorld(7, BudgetFigures.PerSecond);
        var instance = world.Start(bulkWorkers: 24, singleWorkers: 6);
        world.Run(TimeSpan.FromMinutes(1));
        instance.IsBusy = false;
        world.Run(TimeSpan.FromSeconds(35));
        Assert.Empty(world.Store.State.Holders);
        var calls = world.Store.Calls;
        world.Run(TimeSpan.FromHours(1));
        Assert.Equal(calls, world.Store.Calls);
    }

    [Fact]
    public void Sending_stops_before_the_lease_ends_while_the_store_is_away_and_resumes_with_it()
    {
        var world = new BudgetWorld(8, BudgetFigures.PerSecond);
        world.Start(bulkWorkers: 24, singleWorkers: 6);
        world.Run(TimeSpan.FromMinutes(1));
        world.Store.IsDown = true;
        world.Run(TimeSpan.FromSeconds(31));
        var sent = world.Left.Count;
        world.Run(TimeSpan.FromMinutes(1));
        Assert.Equal(sent, world.Left.Count);
        world.Store.IsDown = false;
        world.Run(TimeSpan.FromSeconds(10));
        Assert.True(world.Left.Count > sent + 500);
    }

    private static BudgetWorld Disturbed(int seed, double perSecond, int instances)
    {
        var world = new BudgetWorld(seed, perSecond, new StoreFaults
        {
            LostRequests = 0.05,
            LostResponses = 0.1,
            LateRequests = 0.1,
            ClockDifference = TimeSpan.FromSeconds(4.5),
            MaxLatency = TimeSpan.FromMilliseconds(400),
        });
        for (var i = 0; i < instances; i++) Start();
        for (var elapsed = 0; elapsed < 600; elapsed += 5)
        {
            Disturb();
            world.Run(TimeSpan.FromSeconds(5));
        }

        return world;

        void Start() => world.Start(bulkWorkers: 1 + world.Random.Next(24), singleWorkers: world.Random.Next(6));

        void Disturb()
        {
            var instance = world.Instances[world.Random.Next(world.Instances.Count)];
            world.Store.IsDown = world.Store.IsDown ? world.Random.Next(4) > 0 : world.Random.Next(40) == 0;
            switch (world.Random.Next(10))
            {
                case 0:
                    world.Crash(instance);
                    Start();
                    break;
                case 1:
                    world.Stop(instance);
                    Start();
                    break;
                case 2 or 3:
                    instance.Clock.Freeze(TimeSpan.FromSeconds(world.Random.Next(1, 90)));
                    break;
                case 4:
                    instance.Clock.WallError = TimeSpan.FromSeconds(world.Random.Next(-3600, 3600));
                    break;
                case 5 or 6:
                    instance.IsBusy = !instance.IsBusy;
                    break;
            }
        }
    }
}
