using ContentSync.Simulation;

namespace ContentSync.Tests.Simulation;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class OutageTests
{
    [Fact]
    public void Survives_a_two_hour_outage()
    {
        var figures = OnOneThread.Run(Scenario.TwoHourOutage);
        Assert.Null(figures.Violation);
        Assert.Equal(0, figures.DeadLetters);
        Assert.InRange(figures.Probes, 60, 240);
        Assert.True(figures.MinProbeInterval >= TimeSpan.FromSeconds(30), $"{figures.MinProbeInterval} between two probes");
        Assert.True(figures.ShareOfBudget >= 0.95, $"{figures.ShareOfBudget:0.000} of the rate limit a minute after the recovery");
        Assert.True(figures.PeakOverMean <= 1.2, $"retries arrive at up to {figures.PeakOverMean:0.00} times their mean");
    }

    [Fact]
    public void Is_hardly_slowed_down_by_one_percent_of_failing_items()
    {
        var throughput = OnOneThread.Run(Scenario.ThroughputWithPoison);
        Assert.True(throughput >= 0.98, $"{throughput:0.000} of the throughput without failing items");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Sends_the_other_items_of_a_pack_once_when_one_fails(int kind)
    {
        var other = new[] { ItemKind.Poison, ItemKind.Risky, ItemKind.Tarpit }[kind];
        Assert.All(OnOneThread.Run(keys => Scenario.CallsInPackOfFifty(keys, other)), calls => Assert.Equal(1, calls));
    }

    [Fact]
    public void Stops_at_a_configuration_fault_and_resumes_when_it_is_fixed()
    {
        var figures = OnOneThread.Run(Scenario.ConfigurationFault);
        Assert.Null(figures.Violation);
        Assert.InRange(figures.CallsBeforeTrip, 1, figures.Lanes);
        Assert.InRange(figures.Refused, figures.CallsBeforeTrip + 1, figures.Lanes + figures.MaxProbes);
        Assert.Equal(0, figures.DeadLetters);
        Assert.Equal(1, figures.MaxAttempts);
        Assert.True(figures.RecoveredAfter < TimeSpan.FromMinutes(2), $"recovered {figures.RecoveredAfter} after the fix");
    }
}
