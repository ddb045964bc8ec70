using ContentSync.Simulation;

namespace ContentSync.Tests.Simulation;

public sealed class SeedTests
{
    /// <summary>How long fresh seeds are tried. The executable tries more: --seeds N.</summary>
    private static readonly TimeSpan Share = TimeSpan.FromSeconds(15);

    /// <summary>Seeds that showed a fault once, as plans are drawn today. A change of PlanDraw makes other plans of them.</summary>
    private static readonly ulong[] Corpus = [19, 25, 28, 78, 90, 98, 105, 106, 111, 122, 128, 133, 139, 145, 235, 734, 787, 790, 927, 1375, 1900, 2119, 2128, 7667, 15634, 27322, 43528, 59663, 68430];

    [Fact]
    public void Violates_nothing_in_fresh_seeds()
    {
        // Other seeds in each run, so that runs add up; a failure names its seed, and the seed repeats it.
        var from = (ulong)TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var report = SeedRunner.Run(Endless(from), PlanDraw.Of, Environment.ProcessorCount, Share);
        Assert.Empty(report.Violations);
        Assert.True(report.Seeds > 0 && report.VirtualHours >= report.Seeds * 24.0);
    }

    [Fact]
    public void Violates_nothing_in_seeds_that_once_failed() =>
        Assert.Empty(SeedRunner.Run(Corpus, PlanDraw.Of, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Settles_by_its_messages_alone_where_the_queue_loses_nothing() =>
        Assert.Empty(SeedRunner.Run(Endless(1).Take(60), PlanDraw.WithoutSweep, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Violates_nothing_where_callers_hang_up() =>
        Assert.Empty(SeedRunner.Run(Endless(1).Take(60), PlanDraw.WithImpatientCallers, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Violates_nothing_where_whole_catalogs_are_reconciled_with_several_vaults() =>
        Assert.Empty(SeedRunner.Run(Endless(1).Take(60), PlanDraw.WithCatalogsAndVaults, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);

    [Fact]
    public void Gives_the_same_trace_where_whole_catalogs_are_reconciled() =>
        Assert.Equal(SeedRunner.Trace(PlanDraw.WithCatalogsAndVaults(5)).Trace, SeedRunner.Trace(PlanDraw.WithCatalogsAndVaults(5)).Trace);

    [Theory]
    [InlineData(3)]
    [InlineData(77)]
    [InlineData(734)]
    public void Gives_the_same_trace_for_the_same_seed(ulong seed)
    {
        var first = SeedRunner.Trace(PlanDraw.Of(seed));
        var second = SeedRunner.Trace(PlanDraw.Of(seed));
        Assert.True(first.Trace.Count > 100);
        Assert.Equal(first.Trace, second.Trace);
    }

    [Fact]
    public void Gives_other_traces_for_other_seeds() =>
        Assert.NotEqual(SeedRunner.Trace(PlanDraw.Of(1)).Trace, SeedRunner.Trace(PlanDraw.Of(2)).Trace);

    [Fact]
    public void Injects_every_kind_of_fault()
    {
        var seeds = SeedRunner.Run(Endless(1).Take(150), PlanDraw.Of, Environment.ProcessorCount, TimeSpan.MaxValue);
        var wide = SeedRunner.Run(Endless(1).Take(50), PlanDraw.WithCatalogsAndVaults, Environment.ProcessorCount, TimeSpan.MaxValue);
        Assert.All(Enum.GetValues<Fault>(), fault => Assert.True(seeds.Faults[fault] + wide.Faults[fault] > 0, $"{fault} never happened"));
    }

    private static IEnumerable<ulong> Endless(ulong from)
    {
        for (var seed = from; ; seed++) yield return seed;
    }
}
