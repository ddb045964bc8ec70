using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>
/// Enqueues overdue pending items again, and resumes stalled runs, in case their messages were lost.
/// </summary>
public sealed partial class SweepPending(PendingSweep sweep, ResyncRuns resyncs, ILogger<SweepPending> logger)
{
    /// <summary>
    /// How long an item must be overdue. Longer than the queue's duplicate detection window (ten minutes in infra): the new message has the id
    /// of the one that it replaces and would be dropped within the window.
    /// </summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(15);

    /// <summary>
    /// How long a run must be without an update to count as stalled. Longer than a step may take (<see cref="ResyncMessageProcessor.StepBudget"/>
    /// and planning), during which the run may not be updated.
    /// </summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMinutes(45);

    [Function(nameof(SweepPending))]
    public async Task RunAsync([TimerTrigger(ScheduleOptions.SweepBinding)] TimerInfo timer, CancellationToken cancellationToken)
    {
        var result = await sweep.RunAsync(Grace, cancellationToken).ConfigureAwait(false);
        LogSwept(result.Enqueued, result.OldestPendingAge);
        if (await resyncs.ResumeStalledAsync(Quiet, cancellationToken).ConfigureAwait(false) is > 0 and var resumed) LogResumed(resumed, Quiet);
    }

    [LoggerMessage(
        EventId = 3101, Level = LogLevel.Information, Message = "Enqueued {Count} overdue items again; the oldest was accepted {Age} ago")]
    private partial void LogSwept(int count, TimeSpan age);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Information, Message = "Resumed {Count} resyncs without an update for {Quiet}")]
    private partial void LogResumed(int count, TimeSpan quiet);
}
