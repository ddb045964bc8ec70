using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>The settings of the shipped local host, which sends to AlipayHK itself with a limited rate.</summary>
internal static class HostSettings
{
    /// <summary>Max items in flight.</summary>
    public static int Workers { get; } = new LocalOptions().Workers;

    /// <summary>How often overdue items are looked for.</summary>
    public static TimeSpan SweepInterval { get; } = new LocalWorkOptions { Workers = Workers }.SweepInterval;

    /// <summary>When a failed attempt is repeated.</summary>
    public static RecoverabilityOptions Recoverability => LocalSettings.RecoverabilityOf(Options(null));

    /// <summary>How resyncs are sent.</summary>
    public static ResyncOptions ResyncOf(Plan plan) => LocalSettings.ResyncOptionsOf(Options(plan.MaxSendsPerSecond));

    private static LocalOptions Options(double? rate) => new() { Gateway = SimulatedProcess.BaseAddress, Rate = rate };
}
