using ContentSync.Diagnostics;
using ContentSync.Resync;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>
/// Starts a run that brings AlipayHK in sync with the catalog. The run itself is executed from the resync queue, however long it takes.
/// </summary>
public sealed partial class ScheduleResync(ResyncRuns resyncs, ResyncSources sources, ILogger<ScheduleResync> logger)
{
    // Retries, so that a store that is briefly unavailable does not delay the resync until the next day.
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
        LogStarted(run.RunId, catalog.Name, isNew ? "started" : "is already in progress", run.Message);
    }

    [LoggerMessage(EventId = 3201, Level = LogLevel.Information, Message = "Resync {RunId} of {Source} {What}: {Status}")]
    private partial void LogStarted(string runId, string source, string what, string status);

    [LoggerMessage(
        EventId = 3202, Level = LogLevel.Warning, Message = "No catalog is configured: set Catalog__ContainerUri to the container that holds it")]
    private partial void LogNoCatalog();
}
