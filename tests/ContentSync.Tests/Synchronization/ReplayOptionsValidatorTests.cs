using ContentSync.Synchronization;

namespace ContentSync.Tests.Synchronization;

public sealed class ReplayOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults() => Assert.Empty(Faults(_ => { }));

    [Fact]
    public void Names_each_setting_that_is_out_of_range()
    {
        AssertFault("Replay:PerSecond must be from 0.001 to 1000000.", options => options.PerSecond = 0);
        AssertFault("Replay:PerSecond must be from 0.001 to 1000000.", options => options.PerSecond = double.NaN);
        AssertFault("Replay:PerSecond must be from 0.001 to 1000000.", options => options.PerSecond = double.PositiveInfinity);
    }

    private static void AssertFault(string expected, Action<ReplayOptions> change) =>
        Assert.StartsWith(expected, Assert.Single(Faults(change)), StringComparison.Ordinal);

    private static string[] Faults(Action<ReplayOptions> change)
    {
        var options = new ReplayOptions();
        change(options);
        return [.. ReplayOptionsValidator.Faults(options)];
    }
}
