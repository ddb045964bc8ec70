using ContentSync.AlipayHk;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Logging;

namespace ContentSync.Resync;

/// <summary>
/// Works one message of the resync queue off and says how it is to be settled: sends a pack and counts it, carries a run on, and leaves
/// whatever else comes to the processor of contents. For one message of a session at a time.
/// </summary>
public sealed partial class ResyncMessageProcessor(
    ContentMessageProcessor contents,
    PackSender sender,
    LaneRateLimiters paces,
    ILaneProgressStore book,
    ResyncRunner runner,
    ResyncSources sources,
    TimeProvider time,
    ILogger<ResyncMessageProcessor> logger)
{
    /// <summary>Time after which a step of a run stops between two pages.</summary>
    public static readonly TimeSpan StepBudget = TimeSpan.FromMinutes(20);

    /// <summary>How long a pack waits in its lane for a pause to pass, and the longest delay of the copy that it becomes then.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(5);

    /// <summary>How much of that an item waits by itself.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Wait after ledger, queue, lane book or store could not be reached.</summary>
    private static readonly TimeSpan OutageWait = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(1);

    /// <summary>Works the message off. Safe to call again with the same message: ledger and lane book know what was done.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the message is to be left to somebody else. That is no failure of the message's, and nothing of it is lost.</exception>
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
                    DeadLetterReasons.InvalidMessage, fault, new Dictionary<string, object> { [MessageContract.CodeProperty] = DeadLetterReasons.InvalidMessage });
            default:
                return await contents.ProcessAsync(message, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<MessageSettlement> SendAsync(ResyncPack pack, int hop, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (await TrySendAsync(pack, cancellationToken).ConfigureAwait(false) is { } hold)
        {
            // The lane waits, not the pack alone: else the next pack would meet the same obstacle, and for as long as it
            // lasts all that wait would go round through the queue.
            var wait = hold.Delay < ShortestWait ? ShortestWait : hold.Delay < LongestHold ? hold.Delay : LongestHold;
            if (time.GetElapsedTime(began) + wait > LongestHold)
            {
                LogPackDeferred(pack.RunId, pack.Lane, pack.Number, wait, hold.Reason);
                return new MessageSettlement.SendThenComplete([ResyncMessages.Pack(pack, hop + 1, wait)]);
            }

            await time.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }

        return MessageSettlement.Complete.Instance;
    }

    /// <returns>What keeps it from being sent; null where it was sent and counted.</returns>
    private async ValueTask<PackDeferral?> TrySendAsync(ResyncPack pack, CancellationToken cancellationToken)
    {
        try
        {
            var (counts, hold) = await sender.SendAsync(pack, paces.Of(pack.Lane), Patience, cancellationToken).ConfigureAwait(false);
            if (hold is not null) return hold;
            if (await book.CountAsync(pack, counts, cancellationToken).ConfigureAwait(false)) ResyncTelemetry.Done(counts);
            return null;
        }
        catch (Exception e) when (IsOutage(e))
        {
            return new PackDeferral(e.Message, OutageWait, IsFault: false);
        }
    }

    private async ValueTask<MessageSettlement> ContinueAsync(StepBody step, CancellationToken cancellationToken)
    {
        if (sources.FindByName(step.Source) is not { } source)
        {
            LogUnknownSource(step.Run, step.Source);
            return MessageSettlement.Complete.Instance;
        }

        var runId = step.Run;
        TimeSpan wait;
        try
        {
            var (run, next) = await runner.ContinueAsync(source, StepBudget, cancellationToken).ConfigureAwait(false);
            if (run is not null && next is null) LogRunEnded(run.RunId, run.Source, run.State, run.Message);
            if (next is not { } after) return MessageSettlement.Complete.Instance;
            (runId, wait) = (run?.RunId ?? step.Run, after);
        }
        catch (Exception e) when (IsOutage(e))
        {
            wait = OutageWait;
            LogRunDeferred(step.Run, step.Source, wait, e.Message);
        }

        return new MessageSettlement.SendThenComplete([ResyncMessages.NextStep(step, runId, wait, time.GetUtcNow())]);
    }

    private static bool IsOutage(Exception e) => e is LedgerUnavailableException or QueueUnavailableException or IOException;

    [LoggerMessage(EventId = 2301, Level = LogLevel.Warning, Message = "Message {MessageId} of the resync queue is not valid: {Fault}")]
    private partial void LogInvalid(string messageId, string fault);

    [LoggerMessage(EventId = 2302, Level = LogLevel.Warning, Message = "Pack {Number} of lane {Lane} of resync {RunId} comes again in {Delay}: {Reason}")]
    private partial void LogPackDeferred(string runId, int lane, long number, TimeSpan delay, string reason);

    [LoggerMessage(EventId = 2303, Level = LogLevel.Warning, Message = "Resync {RunId} of {Source} goes on in {Delay}: {Reason}")]
    private partial void LogRunDeferred(string runId, string source, TimeSpan delay, string reason);

    [LoggerMessage(EventId = 2304, Level = LogLevel.Warning, Message = "Resync {RunId} cannot go on: its source {Source} is not among the settings any more. Set it again, or cancel the run")]
    private partial void LogUnknownSource(string runId, string source);

    [LoggerMessage(EventId = 2305, Level = LogLevel.Information, Message = "Resync {RunId} of {Source} is {State}. {Outcome}")]
    private partial void LogRunEnded(string runId, string source, ResyncRunState state, string outcome);
}
