using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Enqueues again what is pending in the ledger past its due time, and wakes the runs that nobody carries on, whatever became of their messages.</summary>
public sealed partial class SweepPending(PendingSweep sweep, ResyncRuns resyncs, ILogger<SweepPending> logger)
{
    /// <summary>Longer than the queue remembers message ids (ten minutes in infra): a reference repeats the id of the message it stands for, and would be dropped before.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(15);

    /// <summary>Longer than a step may take (<see cref="ResyncMessageProcessor.StepBudget"/> and planning), within which a run may not be heard of.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMinutes(45);

    [Function(nameof(SweepPending))]
    public async Task RunAsync([TimerTrigger(ScheduleOptions.SweepBinding)] TimerInfo timer, CancellationToken cancellationToken)
    {
        var result = await sweep.RunAsync(Grace, cancellationToken).ConfigureAwait(false);
        LogSwept(result.Enqueued, result.OldestPendingAge);
        if (await resyncs.ResumeStalledAsync(Quiet, cancellationToken).ConfigureAwait(false) is > 0 and var woken) LogResumed(woken, Quiet);
    }

    [LoggerMessage(EventId = 3101, Level = LogLevel.Information, Message = "Enqueued {Count} overdue contents again; the oldest was accepted {Age} ago")]
    private partial void LogSwept(int count, TimeSpan age);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Information, Message = "Woke {Count} resyncs that were not heard of for {Quiet}")]
    private partial void LogResumed(int count, TimeSpan quiet);
}
