using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>The composition of the local host, for the host itself and for its simulation.</summary>
internal static class LocalServices
{
    /// <summary>
    /// Registers what sends on one machine: the queue, the lanes and the resyncs in this process, and <see cref="LocalWork"/>. The caller brings
    /// <see cref="ISyncLedger"/>, <see cref="ILedgerMaintenance"/>, <see cref="IResyncStore"/> and <see cref="ResyncSources"/>.
    /// </summary>
    public static IServiceCollection AddLocalWork(this IServiceCollection services, LocalWorkOptions options) => services
        .AddSingleton(options)
        .AddSingleton(provider => new InProcessQueue(
            provider.GetRequiredService<ContentSynchronizer>(),
            options.Workers,
            provider.StoreClock(),
            provider.GetRequiredService<ILogger<InProcessQueue>>(),
            options.Continuations))
        .AddSingleton<ISyncQueue>(provider => provider.GetRequiredService<InProcessQueue>())
        .AddSingleton<IPackLanes, InProcessLanes>()
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<LocalResync>(provider, options.Continuations))
        .AddSingleton<IResyncScheduler>(provider => provider.GetRequiredService<LocalResync>())
        .AddSingleton<LocalWork>();
}

/// <summary>How the local host works.</summary>
internal sealed record LocalWorkOptions
{
    /// <summary>Max items in flight at the same time.</summary>
    public required int Workers { get; init; }

    /// <summary>How often overdue items that are not on the queue are looked for.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// <see cref="TaskCreationOptions.RunContinuationsAsynchronously"/>, so that a caller does not do the work that it hands over. A simulation on
    /// one thread passes <see cref="TaskCreationOptions.None"/>.
    /// </summary>
    public TaskCreationOptions Continuations { get; init; } = TaskCreationOptions.RunContinuationsAsynchronously;
}
