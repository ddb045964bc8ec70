namespace ContentSync.Benchmarks.Budget;

/// <summary>The figures of the shared send budget, in virtual time.</summary>
internal static class BudgetFigures
{
    public const double PerSecond = 200;

    private static readonly TimeSpan Start = TimeSpan.FromMinutes(1);

    /// <summary>Adds all figures.</summary>
    public static void Add(SortedDictionary<string, double> figures)
    {
        var (lowest, fullest) = (1.0, 0);
        foreach (var instances in (int[])[1, 2, 4, 16, 64])
        {
            var (share, window) = ShareUsed(instances, minutes: 10);
            figures[$"budgetShareUsedWith{instances}Instances"] = share;
            (lowest, fullest) = (Math.Min(lowest, share), Math.Max(fullest, window));
        }

        figures["budgetShareUsed"] = lowest;
        figures["budgetFullestWindowOverRate"] = fullest / PerSecond;
        figures["reservedLatencySeconds"] = ReservedLatency();
        figures["shareShiftSeconds"] = ShareShift(rounds: 20);
        figures["storeCallsPerThousandSends"] = StoreCallsPerThousandSends();
    }

    /// <summary>The share of the budget that is used under full demand, while each minute some processes stop and others start.</summary>
    public static (double Share, int FullestWindow) ShareUsed(int instances, int minutes, int seed = 1)
    {
        var world = new BudgetWorld(seed, PerSecond);
        for (var i = 0; i < instances; i++) world.Start(bulkWorkers: 24, singleWorkers: 6);
        world.Run(Start);
        for (var minute = 0; minute < minutes; minute++)
        {
            for (var moved = 0; instances > 1 && moved <= instances / 16; moved++)
            {
                world.Stop(world.Instances[world.Random.Next(world.Instances.Count)]);
                world.Start(bulkWorkers: 24, singleWorkers: 6);
            }

            world.Run(TimeSpan.FromMinutes(1));
        }

        return (world.ShareUsed(Start), world.FullestWindow());
    }

    /// <summary>The 99th percentile of the time that single changes of one process wait, during a full resync on others; seconds.</summary>
    public static double ReservedLatency(int bulkInstances = 4)
    {
        var world = new BudgetWorld(2, PerSecond);
        for (var i = 0; i < bulkInstances; i++) world.Start(bulkWorkers: 24, singleWorkers: 0);
        var web = world.Start(bulkWorkers: 0, singleWorkers: 0);
        world.Run(Start);
        var until = Start + TimeSpan.FromMinutes(5);
        _ = web.SendSinglesAsync(0.5 * BudgetWorld.ReservedShare * PerSecond, until);
        _ = world.Instances[0].SendSinglesAsync(2, until);
        world.Run(TimeSpan.FromMinutes(5));
        world.SingleWaits.Sort();
        return world.SingleWaits[(int)(world.SingleWaits.Count * 0.99)].TotalSeconds;
    }

    /// <summary>
    /// The time from when one process becomes idle and another busy until the other has 90 % of the budget; the longest of several; seconds.
    /// </summary>
    public static double ShareShift(int rounds)
    {
        var world = new BudgetWorld(3, PerSecond);
        BudgetInstance[] pair = [world.Start(bulkWorkers: 32, singleWorkers: 8), world.Start(bulkWorkers: 32, singleWorkers: 8)];
        pair[1].IsBusy = false;
        world.Run(Start);
        var longest = TimeSpan.Zero;
        for (var round = 0; round < rounds; round++)
        {
            var (idle, busy) = (pair[round % 2], pair[(round + 1) % 2]);
            (idle.IsBusy, busy.IsBusy) = (false, true);
            var began = world.Time.Elapsed;
            while (busy.Budget.PerSecond < 0.9 * PerSecond) world.Run(TimeSpan.FromMilliseconds(100));
            longest = Max(longest, world.Time.Elapsed - began);
            world.Run(TimeSpan.FromSeconds(40 + (20 * world.Random.NextDouble())));
        }

        return longest.TotalSeconds;
    }

    /// <summary>Calls of the store for 1,000 requests, at the whole rate on four processes.</summary>
    public static double StoreCallsPerThousandSends()
    {
        var world = new BudgetWorld(4, PerSecond);
        for (var i = 0; i < 4; i++) world.Start(bulkWorkers: 24, singleWorkers: 6);
        world.Run(Start);
        var (calls, sent) = (world.Store.Calls, world.Left.Count);
        world.Run(TimeSpan.FromMinutes(10));
        return 1000.0 * (world.Store.Calls - calls) / (world.Left.Count - sent);
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
