using ContentSync.AlipayHk;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Synchronization;

public sealed class RecoverabilityOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults() => Assert.Empty(Faults(_ => { }));

    [Fact]
    public void Names_each_setting_that_is_out_of_range()
    {
        AssertFault("Recoverability:BackOff must hold", options => options.BackOff.Clear());
        AssertFault("Recoverability:BackOff must hold", options => options.BackOff.Add(TimeSpan.Zero));
        AssertFault("Recoverability:MaxAge must be positive.", options => options.MaxAge = TimeSpan.Zero);
        AssertFault("Recoverability:MaxRetryAfter must be positive.", options => options.MaxRetryAfter = TimeSpan.Zero);
        AssertFault("Recoverability:SigningRetryDelay must be positive.", options => options.SigningRetryDelay = TimeSpan.Zero);
        AssertFault(
            "Recoverability:LeaseDuration must be longer than AlipayHk:TotalTimeout (00:00:40)",
            options => options.LeaseDuration = TimeSpan.FromSeconds(53));
        AssertFault("Recoverability:LateEffectWindow must not be negative.", options => options.LateEffectWindow = TimeSpan.FromTicks(-1));
        AssertFault("Recoverability:MaxAttempts must be at least 1.", options => options.MaxAttempts = 0);
        AssertFault("Recoverability:BreakerThreshold must be at least 1", options => options.BreakerThreshold = 0);
        AssertFault(
            "Recoverability:BreakerThreshold must be at least 1 and below Recoverability:MaxAttempts.",
            options => options.BreakerThreshold = options.MaxAttempts);
        AssertFault("Recoverability:ProbeInterval must be positive.", options => options.ProbeInterval = TimeSpan.Zero);
    }

    [Fact]
    public void Accepts_a_lease_of_which_three_quarters_cover_an_attempt() =>
        Assert.Empty(Faults(options => options.LeaseDuration = TimeSpan.FromSeconds(54)));

    private static void AssertFault(string expected, Action<RecoverabilityOptions> change) =>
        Assert.StartsWith(expected, Assert.Single(Faults(change)), StringComparison.Ordinal);

    private static string[] Faults(Action<RecoverabilityOptions> change)
    {
        var options = new RecoverabilityOptions();
        change(options);
        return [.. RecoverabilityOptionsValidator.Faults(options, new AlipayHkOptions())];
    }
}
