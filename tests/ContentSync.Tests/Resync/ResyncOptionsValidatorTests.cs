using ContentSync.Resync;

namespace ContentSync.Tests.Resync;

public sealed class ResyncOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults() => Assert.Empty(Faults(_ => { }));

    [Fact]
    public void Names_each_setting_that_is_out_of_range()
    {
        AssertFault("Resync:MaxDelistShare must be from 0 to 1.", options => options.MaxDelistShare = 1.1);
        AssertFault("Resync:MaxShrinkShare must be from 0 to 1.", options => options.MaxShrinkShare = double.NaN);
        AssertFault("Resync:Lanes must be from 1 to 1000.", options => options.Lanes = 0);
        AssertFault("Resync:Lanes must be from 1 to 1000.", options => options.Lanes = 1001);
        AssertFault("Resync:ItemsPerPack must be from 1 to 200.", options => options.ItemsPerPack = 0);
        AssertFault("Resync:ItemsPerPack must be from 1 to 200.", options => options.ItemsPerPack = 201);
        AssertFault("Resync:InFlightPerLane must be at least 1.", options => options.InFlightPerLane = 0);
        AssertFault("Resync:SendsPerSecond must be from 0, which means no limit, to 1000000.", options => options.SendsPerSecond = -1);
        AssertFault("Resync:SendsPerSecond must be from 0, which means no limit, to 1000000.", options => options.SendsPerSecond = double.NaN);
        AssertFault("Resync:ReservedShare must be from 0 to less than 1.", options => options.ReservedShare = 1);
        AssertFault("Resync:MaxWaitingPacks must be at least 1.", options => options.MaxWaitingPacks = 0);
    }

    private static void AssertFault(string expected, Action<ResyncOptions> change) =>
        Assert.StartsWith(expected, Assert.Single(Faults(change)), StringComparison.Ordinal);

    private static string[] Faults(Action<ResyncOptions> change)
    {
        var options = new ResyncOptions();
        change(options);
        return [.. ResyncOptionsValidator.Faults(options)];
    }
}
