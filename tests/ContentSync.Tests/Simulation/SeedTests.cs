using ContentSync.Simulation;

namespace ContentSync.Tests.Simulation;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class SeedTests
{
    /// <summary>How long new seeds run. The program can run more: --seeds N.</summary>
    private static readonly TimeSpan NewSeedsTime = TimeSpan.FromSeconds(15);

    /// <summary>Seeds that once exposed a bug. They depend on the current PlanGenerator; changing it changes their plans.</summary>
    private static readonly ulong[] Corpus =
    [
        19, 25, 28, 33, 78, 90, 98, 105, 106, 111, 122, 128, 133, 139, 145, 235, 450, 734, 787, 790, 927, 1003, 1375, 1900, 2119, 2128, 7667,
        15634, 21431, 22541, 23140, 27322, 43528, 59663, 68430, 200_851, 201_560, 204_711, 206_121, 208_599, 502_711, 3_003_226, 3_013_791,
        3_019_217, 7_004_466, 7_030_816, 7_032_546, 7_036_476, 7_046_826, 7_055_936, 7_070_072, 1_795_825_065_796,
    ];

    [Fact]
    public void Violates_no_invariant_in_new_seeds()
    {
        // Each run uses different seeds, so that coverage grows. A failure names its seed, which reproduces it.
        var from = (ulong)TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var report = SeedRunner.Run(Endless(from), PlanGenerator.Of, Environment.ProcessorCount, NewSeedsTime);
        Assert.Empty(report.Violations);
        Assert.True(report.Seeds > 0 && report.VirtualHours >= report.Seeds * 4.0);
    }

    [Fact]
    public void Violates_no_invariant_in_seeds_that_once_failed() =>
        Assert.Empty(SeedRunner.Run(Corpus, PlanGenerator.Of, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Brings_every_item_to_an_outcome_without_the_sweep_when_the_queue_loses_no_messages() =>
        Assert.Empty(SeedRunner.Run(Endless(1).Take(60), PlanGenerator.WithoutSweep, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Violates_no_invariant_when_callers_disconnect() =>
        Assert.Empty(
            SeedRunner.Run(Endless(1).Take(60), PlanGenerator.WithImpatientCallers, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Violates_no_invariant_when_whole_catalogs_are_resynced_with_several_vaults() =>
        Assert.Empty(
            SeedRunner.Run(Endless(1).Take(60), PlanGenerator.WithCatalogsAndVaults, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Keeps_to_the_budget_in_every_window_and_to_one_probe_when_one_to_eight_processes_share_them()
    {
        var report = SeedRunner.Run(Endless(1).Take(40), PlanGenerator.WithSharedBudget, Environment.ProcessorCount, TimeSpan.MaxValue);
        Assert.Empty(report.Violations);
        Assert.All(
            (Fault[])[Fault.Freeze, Fault.SendStoreOutage, Fault.SendStoreRequestLost, Fault.SendStoreResponseLost, Fault.SendStoreLate],
            fault => Assert.True(report.Faults[fault] > 0, $"{fault} was never injected"));
    }

    [Fact]
    public void Violates_no_invariant_with_the_ledger_in_table_storage() =>
        Assert.Empty(SeedRunner.Run(Endless(1).Take(30), PlanGenerator.WithTable, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Violates_no_invariant_on_the_local_host_with_a_disk_that_forgets() =>
        Assert.Empty(SeedRunner.Run(Endless(1).Take(60), PlanGenerator.WithLocalHost, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Runs_the_ledger_in_table_storage_and_the_local_host_in_one_seed_of_ten_each()
    {
        var plans = Endless(1).Take(10).Select(PlanGenerator.Of).ToList();
        Assert.Single(plans, plan => plan.IsOnTable);
        Assert.Single(plans, plan => plan.IsLocal);
    }

    [Fact]
    public void Produces_the_same_trace_with_the_ledger_in_table_storage() =>
        Assert.Equal(SeedRunner.Trace(PlanGenerator.WithTable(5)).Trace, SeedRunner.Trace(PlanGenerator.WithTable(5)).Trace);

    [Fact]
    public void Produces_the_same_trace_on_the_local_host() =>
        Assert.Equal(SeedRunner.Trace(PlanGenerator.WithLocalHost(5)).Trace, SeedRunner.Trace(PlanGenerator.WithLocalHost(5)).Trace);

    [Fact]
    public void Produces_the_same_trace_when_processes_share_the_budget() =>
        Assert.Equal(SeedRunner.Trace(PlanGenerator.WithSharedBudget(5)).Trace, SeedRunner.Trace(PlanGenerator.WithSharedBudget(5)).Trace);

    [Fact]
    public void Produces_the_same_trace_when_whole_catalogs_are_resynced() =>
        Assert.Equal(SeedRunner.Trace(PlanGenerator.WithCatalogsAndVaults(5)).Trace, SeedRunner.Trace(PlanGenerator.WithCatalogsAndVaults(5)).Trace);

    [Theory]
    [InlineData(3)]
    [InlineData(77)]
    [InlineData(734)]
    public void Produces_the_same_trace_for_the_same_seed(ulong seed)
    {
        var first = SeedRunner.Trace(PlanGenerator.Of(seed));
        var second = SeedRunner.Trace(PlanGenerator.Of(seed));
        Assert.True(first.Trace.Count > 100);
        Assert.Equal(first.Trace, second.Trace);
    }

    [Fact]
    public void Produces_different_traces_for_different_seeds() =>
        Assert.NotEqual(SeedRunner.Trace(PlanGenerator.Of(1)).Trace, SeedRunner.Trace(PlanGenerator.Of(2)).Trace);

    [Fact]
    public void Injects_every_kind_of_fault()
    {
        var seeds = SeedRunner.Run(Endless(1).Take(150), PlanGenerator.Of, Environment.ProcessorCount, TimeSpan.MaxValue);
        var wide = SeedRunner.Run(Endless(1).Take(50), PlanGenerator.WithCatalogsAndVaults, Environment.ProcessorCount, TimeSpan.MaxValue);
        var shared = SeedRunner.Run(Endless(1).Take(10), PlanGenerator.WithSharedBudget, Environment.ProcessorCount, TimeSpan.MaxValue);
        var table = SeedRunner.Run(Endless(1).Take(10), PlanGenerator.WithTable, Environment.ProcessorCount, TimeSpan.MaxValue);
        var local = SeedRunner.Run(Endless(1).Take(60), PlanGenerator.WithLocalHost, Environment.ProcessorCount, TimeSpan.MaxValue);
        SeedReport[] all = [seeds, wide, shared, table, local];
        Assert.All(
            Enum.GetValues<Fault>(),
            fault => Assert.True(all.Sum(report => report.Faults[fault]) > 0, $"{fault} was never injected"));
    }

    private static IEnumerable<ulong> Endless(ulong from)
    {
        for (var seed = from; ; seed++) yield return seed;
    }
}
