using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ContentSync;

/// <summary>
/// The two clocks of a process, as keys of <see cref="TimeProvider"/> services. A constructor names the one it needs with
/// <see cref="FromKeyedServicesAttribute"/>.
/// </summary>
public static class Clocks
{
    /// <summary>
    /// For what is kept: acceptance, due times, leases, back-off, runs and rates. Never goes back, so that a corrected system clock cannot
    /// reorder what was stored (see <see cref="StoreClock"/>).
    /// </summary>
    public const string Store = "store";

    /// <summary>For what others see and check: request timestamps to AlipayHK, webhook timestamps and timeouts. The system clock.</summary>
    public const string Wall = "wall";

    /// <summary>Registers the clocks that are not registered yet: the system clock, and a store clock over the wall clock.</summary>
    public static IServiceCollection AddClocks(this IServiceCollection services)
    {
        services.TryAddKeyedSingleton(Wall, TimeProvider.System);
        services.TryAddKeyedSingleton<TimeProvider>(Store, (provider, _) => new StoreClock(provider.WallClock()));
        return services;
    }

    /// <summary>
    /// Waits. Unlike that of Task.Delay, a cancelled wait ends on the thread that cancels it, so that a simulation can repeat the order. Its
    /// timer runs on.
    /// </summary>
    internal static Task DelayAsync(this TimeProvider time, TimeSpan delay, CancellationToken cancellationToken) =>
        Task.Delay(delay, time, CancellationToken.None).WaitAsync(cancellationToken);

    /// <summary>The clock for what is kept.</summary>
    public static TimeProvider StoreClock(this IServiceProvider services) => services.GetRequiredKeyedService<TimeProvider>(Store);

    /// <summary>The clock that others see.</summary>
    public static TimeProvider WallClock(this IServiceProvider services) => services.GetRequiredKeyedService<TimeProvider>(Wall);
}
