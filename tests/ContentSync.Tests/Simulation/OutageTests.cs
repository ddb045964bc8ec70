using ContentSync.Simulation;

namespace ContentSync.Tests.Simulation;

public sealed class OutageTests
{
    [Fact]
    public void Rides_out_two_dark_hours()
    {
        var figures = OnOneThread.Run(Scenario.DarkForTwoHours);
        Assert.Null(figures.Violation);
        Assert.Equal(0, figures.DeadLetters);
        Assert.InRange(figures.Probes, 60, 240);
        Assert.True(figures.ShortestBetweenProbes >= TimeSpan.FromSeconds(30), $"{figures.ShortestBetweenProbes} between two probes");
        Assert.True(figures.ShareOfBudget >= 0.95, $"{figures.ShareOfBudget:0.000} of the send budget a minute after the recovery");
        Assert.True(figures.PeakOverMean <= 1.2, $"retries arrive at up to {figures.PeakOverMean:0.00} times their mean");
    }

    [Fact]
    public void Is_hardly_slowed_by_one_percent_poison()
    {
        var throughput = OnOneThread.Run(Scenario.ThroughputWithPoison);
        Assert.True(throughput >= 0.98, $"{throughput:0.000} of the throughput without poison");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Sends_the_others_of_a_pack_once_where_one_is_bad(int kind)
    {
        var bad = new[] { Nature.Poison, Nature.Risky, Nature.Tarpit }[kind];
        Assert.All(OnOneThread.Run(keys => Scenario.CallsInPackOfFifty(keys, bad)), calls => Assert.Equal(1, calls));
    }

    [Fact]
    public void Stops_at_a_configuration_fault_and_goes_on_after_the_mend()
    {
        var figures = OnOneThread.Run(Scenario.ConfigurationFault);
        Assert.Null(figures.Violation);
        Assert.InRange(figures.CallsBeforeStop, 1, figures.Lanes);
        Assert.InRange(figures.Refused, figures.CallsBeforeStop + 1, figures.Lanes + figures.MostProbes);
        Assert.Equal(0, figures.DeadLetters);
        Assert.Equal(1, figures.MostAttempts);
        Assert.True(figures.DoneAfter < TimeSpan.FromMinutes(2), $"done {figures.DoneAfter} after the mend");
    }
}
