using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Resync;

/// <summary>
/// Processes a message of the resync queue and returns how to settle it: sends and counts a pack, continues a run, or passes any other
/// message to the processor of item messages. Within a session, call it for one message at a time.
/// </summary>
public sealed partial class ResyncMessageProcessor(
    ContentMessageProcessor itemMessages,
    PackSender sender,
    ILaneProgressStore progressStore,
    ResyncRunner runner,
    ResyncSources sources,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    ILogger<ResyncMessageProcessor> logger)
{
    /// <summary>Time after which a step of a run ends, between two pages.</summary>
    public static readonly TimeSpan StepBudget = TimeSpan.FromMinutes(20);

    /// <summary>How long a pack waits in its lane while sending is deferred, and the maximum delay of the copy that then replaces it.</summary>
    private static readonly TimeSpan MaxDeferral = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a pack waits in its lane while an operator has paused sending. A function may run for 30 minutes, and a pause may last for days,
    /// in which each lane replaces a pack by a copy only this often.
    /// </summary>
    private static readonly TimeSpan MaxPauseWait = TimeSpan.FromMinutes(25);

    /// <summary>How long a single item waits of that time.</summary>
    private static readonly TimeSpan MaxItemWait = TimeSpan.FromMinutes(1);

    /// <summary>Delay after ledger, queue, progress store or resync store could not be reached.</summary>
    private static readonly TimeSpan OutageDelay = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan MinDelay = TimeSpan.FromSeconds(1);

    /// <summary>Processes the message. Safe to repeat with the same message: ledger and progress store record what was done.</summary>
    /// <exception cref="OperationCanceledException">
    /// Cancelled: leave the message to another consumer. The message is not at fault, and nothing of it is lost.
    /// </exception>
    public async ValueTask<MessageSettlement> ProcessAsync(QueueMessage message, CancellationToken cancellationToken)
    {
        switch (ResyncMessages.Read(message))
        {
            case ResyncMessage.Pack { Content: var pack, Hop: var hop }:
                return await SendAsync(pack, hop, cancellationToken).ConfigureAwait(false);
            case ResyncMessage.Step { Body: var step }:
                return await ContinueAsync(step, cancellationToken).ConfigureAwait(false);
            case ResyncMessage.Invalid { Fault: var fault }:
                LogInvalid(message.MessageId, fault);
                return new MessageSettlement.DeadLetter(
                    DeadLetterReasons.InvalidMessage,
                    fault,
                    new Dictionary<string, object> { [MessageContract.CodeProperty] = DeadLetterReasons.InvalidMessage });
            default:
                return await itemMessages.ProcessAsync(message, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<MessageSettlement> SendAsync(ResyncPack pack, int hop, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (await TrySendAsync(pack, cancellationToken).ConfigureAwait(false) is { } deferral)
        {
            // The whole lane waits, not only this pack: the next pack would be deferred for the same reason, and until the cause is gone
            // all waiting packs would circulate through the queue.
            var delay = deferral.Delay < MinDelay ? MinDelay : deferral.Delay < MaxDeferral ? deferral.Delay : MaxDeferral;
            if (time.GetElapsedTime(began) + delay > (deferral.IsPause ? MaxPauseWait : MaxDeferral))
            {
                LogPackDeferred(pack.RunId, pack.Lane, pack.Number, delay, deferral.Reason);
                return new MessageSettlement.SendThenComplete([ResyncMessages.Pack(pack, hop + 1, delay)]);
            }

            await time.WaitAsync(delay, cancellationToken).ConfigureAwait(false);
        }

        return MessageSettlement.Complete.Instance;
    }

    /// <returns>Why it cannot be sent now; null if it was sent and counted.</returns>
    private async ValueTask<PackDeferral?> TrySendAsync(ResyncPack pack, CancellationToken cancellationToken)
    {
        try
        {
            var (counts, deferral) = await sender.SendAsync(pack, MaxItemWait, cancellationToken).ConfigureAwait(false);
            if (deferral is not null) return deferral;
            if (await progressStore.CountAsync(pack, counts, cancellationToken).ConfigureAwait(false)) ResyncTelemetry.Done(counts);
            return null;
        }
        catch (Exception e) when (IsOutage(e))
        {
            return new PackDeferral(e.Message, OutageDelay, IsFault: false);
        }
    }

    private async ValueTask<MessageSettlement> ContinueAsync(StepBody step, CancellationToken cancellationToken)
    {
        if (sources.FindByName(step.Source) is not { } source)
        {
            return await RefuseAsync(step, cancellationToken).ConfigureAwait(false);
        }

        var runId = step.Run;
        TimeSpan delay;
        try
        {
            var (run, next) = await runner.ContinueAsync(source, StepBudget, cancellationToken).ConfigureAwait(false);
            if (run is not null && next is null) LogRunEnded(run.RunId, run.Source, run.State, run.Message);
            if (next is not { } after) return MessageSettlement.Complete.Instance;
            (runId, delay) = (run?.RunId ?? step.Run, after);
        }
        catch (Exception e) when (IsOutage(e))
        {
            delay = OutageDelay;
            LogRunDeferred(step.Run, step.Source, delay, e.Message);
        }

        return new MessageSettlement.SendThenComplete([ResyncMessages.NextStep(step, runId, delay, time.GetUtcNow())]);
    }

    /// <summary>A run of a source that is no longer configured: one that has not begun ends; another one waits for its catalog.</summary>
    private async ValueTask<MessageSettlement> RefuseAsync(StepBody step, CancellationToken cancellationToken)
    {
        LogUnknownSource(step.Run, step.Source);
        try
        {
            await runner
                .RefuseAsync(
                    step.Source,
                    $"The catalog {step.Source} is no longer configured; nothing was sent. Configure it again and start another run.",
                    cancellationToken)
                .ConfigureAwait(false);
            return MessageSettlement.Complete.Instance;
        }
        catch (Exception e) when (IsOutage(e))
        {
            LogRunDeferred(step.Run, step.Source, OutageDelay, e.Message);
            return new MessageSettlement.SendThenComplete([ResyncMessages.NextStep(step, step.Run, OutageDelay, time.GetUtcNow())]);
        }
    }

    private static bool IsOutage(Exception e) => e is LedgerUnavailableException or QueueUnavailableException or IOException;

    [LoggerMessage(EventId = 2301, Level = LogLevel.Warning, Message = "Message {MessageId} of the resync queue is invalid: {Fault}")]
    private partial void LogInvalid(string messageId, string fault);

    [LoggerMessage(
        EventId = 2302, Level = LogLevel.Warning, Message = "Pack {Number} of lane {Lane} of resync {RunId} is deferred for {Delay}: {Reason}")]
    private partial void LogPackDeferred(string runId, int lane, long number, TimeSpan delay, string reason);

    [LoggerMessage(EventId = 2303, Level = LogLevel.Warning, Message = "Resync {RunId} of {Source} is deferred for {Delay}: {Reason}")]
    private partial void LogRunDeferred(string runId, string source, TimeSpan delay, string reason);

    [LoggerMessage(
        EventId = 2304,
        Level = LogLevel.Warning,
        Message = "Resync {RunId} cannot continue: its source {Source} is no longer configured. Configure it again, or cancel the run")]
    private partial void LogUnknownSource(string runId, string source);

    [LoggerMessage(EventId = 2305, Level = LogLevel.Information, Message = "Resync {RunId} of {Source} is {State}. {Outcome}")]
    private partial void LogRunEnded(string runId, string source, ResyncRunState state, string outcome);
}
