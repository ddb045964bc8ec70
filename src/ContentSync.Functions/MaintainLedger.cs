using ContentSync.Ledger;
using ContentSync.Resync;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Counts the ledger's items, adds what its index lacks, and forgets what need not be kept any longer.</summary>
public sealed partial class MaintainLedger(
    ISyncLedger ledger,
    ResyncRuns runs,
    RetentionOptions retention,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    ILogger<MaintainLedger> logger)
{
    /// <summary>Every ten minutes, away from the full hour. Not a setting: nothing depends on it but the age of the counts.</summary>
    public const string Schedule = "30 3-59/10 * * * *";

    /// <summary>Time after which a scan pauses until the next run; leaves the rest of the ten minutes for the last chunk.</summary>
    public static readonly TimeSpan Budget = TimeSpan.FromMinutes(6);

    [Function(nameof(MaintainLedger))]
    public async Task RunAsync([TimerTrigger(Schedule)] TimerInfo timer, CancellationToken cancellationToken)
    {
        await runs.ForgetAsync(TimeSpan.FromDays(retention.RunsDays), cancellationToken).ConfigureAwait(false);
        if (ledger is not TableLedger table) return;
        var result = await new TableLedgerMaintenance(table, time, retention).RunAsync(Budget, cancellationToken).ConfigureAwait(false);
        if (result.Repaired > 0) LogRepaired(result.Repaired, result.Scanned);
        if (result.Forgotten + result.Trimmed > 0) LogForgotten(result.Forgotten, result.Trimmed, result.Scanned);
    }

    [LoggerMessage(
        EventId = 3103, Level = LogLevel.Warning, Message = "Corrected the index rows of {Repaired} of {Scanned} records of the ledger")]
    private partial void LogRepaired(long repaired, long scanned);

    [LoggerMessage(
        EventId = 3104,
        Level = LogLevel.Information,
        Message = "Forgot {Forgotten} delisted items and shortened the history of {Trimmed}, of {Scanned} records of the ledger")]
    private partial void LogForgotten(long forgotten, long trimmed, long scanned);
}
