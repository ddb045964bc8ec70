using ContentSync.Diagnostics;
using ContentSync.Resync;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Asks for a run that makes AlipayHK equal to the catalog. The run itself is carried out from the resync queue, however long it takes.</summary>
public sealed partial class ScheduleResync(ResyncRuns resyncs, ResyncSources sources, ILogger<ScheduleResync> logger)
{
    // Should the store be away for a moment, the catalog is not left alone until the next day for it.
    [Function(nameof(ScheduleResync))]
    [FixedDelayRetry(5, "00:01:00")]
    public async Task RunAsync([TimerTrigger(ScheduleOptions.ResyncBinding)] TimerInfo timer, CancellationToken cancellationToken)
    {
        if (sources.Catalog is not { } catalog)
        {
            LogNoCatalog();
            Telemetry.ResyncEnded("catalog", "NoCatalog");
            return;
        }

        var (run, isNew) = await resyncs.StartAsync(catalog, new ResyncParameters(), cancellationToken).ConfigureAwait(false);
        LogStarted(run.RunId, catalog.Name, isNew ? "begins" : "is under way already", run.Message);
    }

    [LoggerMessage(EventId = 3201, Level = LogLevel.Information, Message = "Resync {RunId} of {Source} {What}: {Status}")]
    private partial void LogStarted(string runId, string source, string what, string status);

    [LoggerMessage(EventId = 3202, Level = LogLevel.Warning, Message = "There is no catalog to reconcile with: set Catalog__ContainerUri to the container that holds it")]
    private partial void LogNoCatalog();
}
