using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ContentSync.Diagnostics;

/// <summary>The names under which traces and figures of this library are published.</summary>
public static class Telemetry
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string Name = "ContentSync";

    /// <summary>Traces from trigger to AlipayHK.</summary>
    public static readonly ActivitySource Source = new(Name);

    /// <summary>Figures.</summary>
    public static readonly Meter Meter = new(Name);

    /// <summary>Runs of contents through the synchronizer, by <c>outcome</c> and <c>code</c>.</summary>
    public static readonly Counter<long> Outcomes = Meter.CreateCounter<long>("contentsync.outcomes", "{content}", "Runs of contents through the synchronizer, by outcome and code.");
}
