using ContentSync.Simulation;

namespace ContentSync.Tests.Simulation;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class PoisonTests
{
    [Theory]
    [InlineData(nameof(ItemKind.Blocked))]
    [InlineData(nameof(ItemKind.Unauthorized))]
    [InlineData(nameof(ItemKind.Resetting))]
    [InlineData(nameof(ItemKind.Outdated))]
    public void Parks_items_that_always_fail_and_holds_up_the_others_once_at_most(string kind)
    {
        AssertHolds(OnOneThread.Run(keys => PoisonScenario.AmongOthers(keys, Enum.Parse<ItemKind>(kind))));
        AssertHolds(OnOneThread.Run(keys => PoisonScenario.BeforeOthers(keys, Enum.Parse<ItemKind>(kind))));

        static void AssertHolds(PoisonFigures figures) => Assert.True(figures.Holds, figures.ToString());
    }

    [Fact]
    public void Stops_when_a_single_item_is_refused_spends_none_of_its_attempts_and_recovers()
    {
        var figures = OnOneThread.Run(PoisonScenario.SingleItem);
        Assert.True(figures.Holds, figures.ToString());
    }

    [Fact]
    public void Violates_no_invariant_when_items_always_fail_among_others()
    {
        // The last one failed once.
        ulong[] seeds = [.. Enumerable.Range(1, 60).Select(i => (ulong)i), 487];
        Assert.Empty(SeedRunner.Run(seeds, PlanGenerator.WithPoison, Environment.ProcessorCount, TimeSpan.MaxValue).Violations);
    }
}
