using ContentSync.AlipayHk;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests;

/// <summary>What tests register before <see cref="ContentSyncServices.AddContentSync"/>.</summary>
internal static class TestServices
{
    /// <summary>Services with one clock for both purposes and no randomness in delays.</summary>
    public static IServiceCollection With(TimeProvider time) => new ServiceCollection()
        .AddKeyedSingleton(Clocks.Wall, time)
        .AddKeyedSingleton(Clocks.Store, time)
        .AddSingleton<JitterSource>(new FixedJitter());
}

internal sealed class FixedJitter(double value = 0.5) : JitterSource
{
    public override double Draw() => value;
}
