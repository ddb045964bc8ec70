using ContentSync.Simulation.Mutants;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Simulation;

public sealed class MutantTests
{
    [Fact]
    public void Every_bug_has_a_place_in_the_source()
    {
        var woven = MutantBuild.Weave(MutantBuild.FindRepository());
        Assert.All(
            Enumerable.Range(1, MutantList.All.Count),
            number => Assert.Contains(woven.Values, text => text.Contains($"PlantedBug.Is({number})", StringComparison.Ordinal)));
    }

    [Fact]
    public void There_are_at_least_fifty() => Assert.True(MutantList.All.Count >= 50);

    [Fact]
    public void Each_has_a_unique_name() =>
        Assert.Equal(MutantList.All.Count, MutantList.All.Select(mutant => mutant.Name).Distinct().Count());

    [Fact]
    public void Two_bugs_at_one_place_exclude_each_other()
    {
        const string IsOn = "global::ContentSync.Simulation.Mutants.PlantedBug.Is";
        var woven = MutantWeaver.Weave(
            "x = a < b;", [(1, new Mutant("one", "", "x = ⟦a < b⟧;", "true")), (2, new Mutant("two", "", "x = ⟦a < b⟧;", "a <= b"))]);
        Assert.Equal($"x = ({IsOn}(2) ? (a <= b) : (({IsOn}(1) ? (true) : (a < b))));", woven);
    }

    [Theory]
    [InlineData("x = ⟦c⟧;")]
    [InlineData("⟦a⟧")]
    public void Refuses_a_place_that_does_not_occur_exactly_once(string place) =>
        Assert.Throws<InvalidOperationException>(() => MutantWeaver.Weave("x = a < a;", [(1, new Mutant("one", "", place, "true"))]));

    [Fact]
    public void The_shipped_assembly_does_not_contain_the_switch() =>
        Assert.DoesNotContain(typeof(ContentSynchronizer).Assembly.GetTypes(), type => type.Name.Contains("PlantedBug", StringComparison.Ordinal));
}
