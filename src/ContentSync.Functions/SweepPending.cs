using ContentSync.Synchronization;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Enqueues again what is pending in the ledger past its due time, whatever became of its message.</summary>
public sealed partial class SweepPending(PendingSweep sweep, ILogger<SweepPending> logger)
{
    /// <summary>Longer than the queue remembers message ids (ten minutes in infra): a reference repeats the id of the message it stands for, and would be dropped before.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(15);

    [Function(nameof(SweepPending))]
    public async Task RunAsync([TimerTrigger(ScheduleOptions.SweepBinding)] TimerInfo timer, CancellationToken cancellationToken)
    {
        var result = await sweep.RunAsync(Grace, cancellationToken).ConfigureAwait(false);
        LogSwept(result.Enqueued, result.OldestPendingAge);
    }

    [LoggerMessage(EventId = 3101, Level = LogLevel.Information, Message = "Enqueued {Count} overdue contents again; the oldest was accepted {Age} ago")]
    private partial void LogSwept(int count, TimeSpan age);
}
