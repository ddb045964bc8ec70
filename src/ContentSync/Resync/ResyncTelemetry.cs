using ContentSync.Diagnostics;

namespace ContentSync.Resync;

/// <summary>Metrics of runs: a few data points per pack, none per item.</summary>
internal static class ResyncTelemetry
{
    /// <summary>A run was planned, and sending begins.</summary>
    public static void Planned(long items) => Telemetry.ResyncPlanned.Add(items);

    /// <summary>The outcomes of some of its items.</summary>
    public static void Done(RunCounts counts)
    {
        Add(counts.Sent, nameof(counts.Sent));
        Add(counts.Unchanged, nameof(counts.Unchanged));
        Add(counts.Superseded, nameof(counts.Superseded));
        Add(counts.Failed, nameof(counts.Failed));
        Add(counts.Parked, nameof(counts.Parked));
    }

    /// <summary>A run ended.</summary>
    public static void Ended(ResyncRun run) => Telemetry.ResyncEnded(
        run.Source == Planning.LedgerSource.SourceName ? "ledger" : "catalog", run.State switch
        {
            ResyncRunState.Completed => run.Counts.Failed > 0 ? "CompletedWithFailures" : "Completed",
            ResyncRunState.HandledAlready => "HandledAlready",
            ResyncRunState.Refused => "Refused",
            ResyncRunState.Stopped => "Stopped",
            ResyncRunState.NoSnapshot => "NoCatalog",
            ResyncRunState.Planned => "DryRun",
            _ => "Cancelled",
        });

    private static void Add(long items, string outcome)
    {
        if (items > 0) Telemetry.ResyncDone.Add(items, new KeyValuePair<string, object?>("outcome", outcome));
    }
}
