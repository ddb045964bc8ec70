using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Ledger;
using ContentSync.Mapping;
using Microsoft.Extensions.Logging;

namespace ContentSync.Synchronization.Messages;

/// <summary>
/// Processes one queue message and returns how to settle it. A message whose item remains pending is replaced by a delayed reference.
/// Unfinished items of an array are split off into messages of their own, so that none delays the others.
/// </summary>
public sealed partial class ContentMessageProcessor(
    ContentMessageReader reader,
    ContentSynchronizer synchronizer,
    RefusedVersions refused,
    RecoverabilityOptions options,
    ILogger<ContentMessageProcessor> logger)
{
    /// <summary>Maximum number of items of one array in flight at the same time.</summary>
    private const int MaxInFlight = 8;

    /// <summary>
    /// Processes a message. Safe to repeat: the ledger knows what has been done, and the outgoing messages get the same MessageIds.
    /// </summary>
    /// <exception cref="OperationCanceledException">
    /// Cancelled. Abandon the message, so that another receiver processes it; nothing is lost.
    /// </exception>
    public async ValueTask<MessageSettlement> ProcessAsync(QueueMessage message, CancellationToken cancellationToken)
    {
        ContentMessage content;
        try
        {
            content = await reader.ReadAsync(message, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MappingException or IOException)
        {
            LogMappingUnavailable(message.MessageId, options.LeaseDuration, e.Message);
            return TryAgain(message);
        }

        switch (content)
        {
            case ContentMessage.Items { Entries: [var item] }:
                return await ProcessItemAsync(message, item, cancellationToken).ConfigureAwait(false);
            case ContentMessage.Items array:
                return await ProcessArrayAsync(message, array.Entries, cancellationToken).ConfigureAwait(false);
            case ContentMessage.ItemReference { Message: var reference }:
                return Settle(reference, await synchronizer.SynchronizeAsync(reference.ContentId, cancellationToken).ConfigureAwait(false));
            case ContentMessage.Invalid { Fault: var fault }:
                LogInvalid(message.MessageId, fault);
                return Invalid(fault);
            default:
                throw new InvalidOperationException("Unknown kind of message.");
        }
    }

    private async ValueTask<MessageSettlement> ProcessItemAsync(QueueMessage message, MessageItem item, CancellationToken cancellationToken)
    {
        if (item.Result.Item is null) return await RefuseAsync(message, item.Result, cancellationToken).ConfigureAwait(false);

        LogWarnings(message, item.Result);
        var submission = synchronizer.Submit(item.Result.Item, message.ReceivedAt());
        if (await AcceptAsync(message, [submission], cancellationToken).ConfigureAwait(false) is not [var (kind, record)])
            return TryAgain(message);
        switch (kind)
        {
            case AcceptanceKind.Unchanged or AcceptanceKind.Superseded or AcceptanceKind.DelistedUnknown:
                return MessageSettlement.Complete.Instance;
            case AcceptanceKind.RevisionConflict:
                return Conflict(record);
            case AcceptanceKind.Parked:
                return Parked(record, null);
            default:
                var outcome = await synchronizer.SynchronizeAsync(record, cancellationToken).ConfigureAwait(false);
                return Settle(ReferenceTo(record, message.Hop()), outcome);
        }
    }

    private async ValueTask<MessageSettlement> RefuseAsync(QueueMessage message, ContentReadResult read, CancellationToken cancellationToken)
    {
        var invalid = Invalid(read);
        LogInvalid(message.MessageId, invalid.Description);
        try
        {
            // If it is delisted because of this and stays pending, the sweep sends it: a dead-lettered message cannot be followed by another.
            if (await refused.RecordAsync(read, message.ReceivedAt(), cancellationToken).ConfigureAwait(false) is { } delisted)
                await synchronizer.SynchronizeAsync(delisted.ContentId, cancellationToken).ConfigureAwait(false);
            return invalid;
        }
        catch (LedgerUnavailableException e)
        {
            LogLedgerUnavailable(message.MessageId, options.LeaseDuration, e.Message);
            return TryAgain(message);
        }
    }

    private async ValueTask<MessageSettlement> ProcessArrayAsync(
        QueueMessage message, IReadOnlyList<MessageItem> entries, CancellationToken cancellationToken)
    {
        // One span for the whole array: the telemetry budget is 100 bytes per bulk item, and a span takes several times that.
        using var activity = Telemetry.StartBulk(entries.Count);
        var outgoing = new List<OutgoingMessage>();
        var valid = new List<(int Index, ContentItem Item)>(entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            LogWarnings(message, entries[i].Result);
            if (entries[i].Result.Item is { } item) valid.Add((i, item));
            else outgoing.Add(SplitOff(message, i, entries[i]));
        }

        // In steps of 100 ns, so that of two items for the same contentId the last one wins.
        var submissions = valid.ConvertAll(entry => synchronizer.Submit(entry.Item, message.ReceivedAt().AddTicks(entry.Index)));
        if (await AcceptAsync(message, submissions, cancellationToken).ConfigureAwait(false) is not { } acceptances)
            return TryAgain(message);
        var references = new Dictionary<string, SyncMessage>(valid.Count, StringComparer.Ordinal);
        for (var i = 0; i < acceptances.Count; i++)
        {
            var (kind, record) = acceptances[i];
            switch (kind)
            {
                case AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending:
                    references[record.ContentId] = ReferenceTo(record, message.Hop());
                    break;
                case AcceptanceKind.RevisionConflict:
                    outgoing.Add(SplitOff(message, valid[i].Index, entries[valid[i].Index]));
                    break;
                case AcceptanceKind.Parked:
                    var reference = ReferenceTo(record, message.Hop());
                    outgoing.Add(OutgoingMessage.Reference(reference with { Hop = reference.Hop + 1 }));
                    break;
            }
        }

        outgoing.AddRange(await SynchronizeAsync(references.Values, cancellationToken).ConfigureAwait(false));
        activity?.SetTag("content.left", outgoing.Count);
        return outgoing.Count > 0 ? new MessageSettlement.SendThenComplete(outgoing) : MessageSettlement.Complete.Instance;
    }

    /// <returns>A reference to each item that is not synchronized.</returns>
    private async ValueTask<IReadOnlyList<OutgoingMessage>> SynchronizeAsync(
        Dictionary<string, SyncMessage>.ValueCollection references, CancellationToken cancellationToken)
    {
        // Parallel.ForEachAsync would occupy a thread-pool thread per worker, although the workers mostly wait.
        var unfinished = new List<OutgoingMessage>();
        var waiting = new ConcurrentQueue<SyncMessage>(references);
        await Task.WhenAll(Enumerable.Range(0, Math.Min(MaxInFlight, references.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return unfinished;

        async Task WorkAsync()
        {
            while (waiting.TryDequeue(out var reference))
            {
                var outcome = await synchronizer.SynchronizeAsync(reference.ContentId, cancellationToken).ConfigureAwait(false);
                if (outcome.Kind is SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged || outcome.Cause == PendingCause.Paused) continue;
                lock (unfinished) unfinished.Add(OutgoingMessage.Reference(Next(reference, outcome)));
            }
        }
    }

    /// <returns>The results; null if the ledger cannot be reached.</returns>
    private async ValueTask<IReadOnlyList<Acceptance>?> AcceptAsync(
        QueueMessage message, List<Submission> submissions, CancellationToken cancellationToken)
    {
        try
        {
            return submissions.Count == 0 ? [] : await synchronizer.AcceptAsync(submissions, cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException e)
        {
            LogLedgerUnavailable(message.MessageId, options.LeaseDuration, e.Message);
            return null;
        }
    }

    private MessageSettlement.SendThenComplete TryAgain(QueueMessage message) =>
        new([OutgoingMessage.Copy(message, options.LeaseDuration)]);

    private static MessageSettlement Settle(SyncMessage reference, SyncOutcome outcome) => outcome.Kind switch
    {
        SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged => MessageSettlement.Complete.Instance,

        // A paused item waits in the ledger, and the sweep enqueues it again; a copy of the message would circulate meanwhile.
        SyncOutcomeKind.Pending when outcome.Cause == PendingCause.Paused => MessageSettlement.Complete.Instance,
        SyncOutcomeKind.Pending => new MessageSettlement.SendThenComplete([OutgoingMessage.Reference(Next(reference, outcome))]),
        SyncOutcomeKind.NotFound => new MessageSettlement.DeadLetter(
            DeadLetterReasons.UnknownContent,
            Shortened($"The ledger holds no item with the contentId '{reference.ContentId}'. Send the item itself."),
            new Dictionary<string, object> { [MessageContract.ContentIdProperty] = reference.ContentId }),
        _ => Parked(outcome.Record!, outcome.Description),
    };

    private static SyncMessage ReferenceTo(SyncRecord record, int hop) =>
        new(record.ContentId, record.RequestId, Math.Max(record.Hop, hop), TimeSpan.Zero);

    // The hop grows, because the broker would drop a copy with the original's MessageId as a duplicate.
    private static SyncMessage Next(SyncMessage reference, SyncOutcome outcome) => new(
        reference.ContentId,
        outcome.Record?.RequestId ?? reference.RequestId,
        Math.Max(outcome.Record?.Hop ?? 0, reference.Hop + 1),
        outcome.Delay);

    private static MessageSettlement.DeadLetter Parked(SyncRecord record, string? description)
    {
        var properties = new Dictionary<string, object>
        {
            [MessageContract.ContentIdProperty] = record.ContentId,
            [MessageContract.RequestIdProperty] = record.RequestId,
        };
        if (record.LastAttempt is { } attempt)
        {
            properties[MessageContract.CodeProperty] = attempt.Code;
            if (attempt.TracerId is { } tracerId) properties[MessageContract.TracerIdProperty] = tracerId;
        }

        return new MessageSettlement.DeadLetter(
            (record.ParkReason ?? ParkReason.Rejected).ToString(),
            Shortened(description ?? $"The same content is already parked, with {record.LastAttempt?.Code}: {record.LastAttempt?.Message}"),
            properties);
    }

    private static MessageSettlement.DeadLetter Conflict(SyncRecord record) => new(
        DeadLetterReasons.RevisionConflict,
        Shortened($"Revision {record.Version} of '{record.ContentId}' has already been accepted with different content. Raise the revision."),
        new Dictionary<string, object> { [MessageContract.ContentIdProperty] = record.ContentId });

    private static MessageSettlement.DeadLetter Invalid(ContentReadResult result)
    {
        var description = new StringBuilder();
        foreach (var violation in result.Violations)
        {
            if (description.Length > 0) description.Append(' ');
            description.Append(CultureInfo.InvariantCulture, $"{(violation.Pointer.Length > 0 ? violation.Pointer : "(item)")}: {violation.Message}");
        }

        return Invalid(description.ToString(), result.Violations[0].Code, result.ContentId);
    }

    private static MessageSettlement.DeadLetter Invalid(string fault, string? code = null, string? contentId = null)
    {
        var properties = new Dictionary<string, object> { [MessageContract.CodeProperty] = code ?? DeadLetterReasons.InvalidMessage };
        if (contentId is not null) properties[MessageContract.ContentIdProperty] = contentId;
        return new MessageSettlement.DeadLetter(DeadLetterReasons.InvalidMessage, Shortened(fault), properties);
    }

    private void LogWarnings(QueueMessage message, ContentReadResult read)
    {
        foreach (var warning in read.Item is null ? [] : read.Warnings) LogWarning(message.MessageId, read.ContentId!, warning.Code, warning.Message);
    }

    private static OutgoingMessage SplitOff(QueueMessage message, int index, MessageItem item) => item.Text.IsEmpty
        ? OutgoingMessage.Unmapped(message, index, item.Result)
        : OutgoingMessage.SplitOff(message, index, item.Text, item.ContentType);

    private static string Shortened(string text) =>
        text.Length <= MessageContract.MaxDescriptionLength ? text : text[..(MessageContract.MaxDescriptionLength - 1)] + "…";

    [LoggerMessage(
        EventId = 2204,
        Level = LogLevel.Error,
        Message = "The mapping that message {MessageId} names cannot be used; a copy is scheduled in {Delay}: {Reason}")]
    private partial void LogMappingUnavailable(string messageId, TimeSpan delay, string reason);

    [LoggerMessage(EventId = 2201, Level = LogLevel.Warning, Message = "Message {MessageId} is invalid: {Fault}")]
    private partial void LogInvalid(string messageId, string fault);

    [LoggerMessage(
        EventId = 2203,
        Level = LogLevel.Warning,
        Message = "Item '{ContentId}' of message {MessageId} is accepted, but looks wrong ({Code}): {Warning}")]
    private partial void LogWarning(string messageId, string contentId, string code, string warning);

    [LoggerMessage(
        EventId = 2202,
        Level = LogLevel.Error,
        Message = "The ledger did not accept message {MessageId}; a copy is scheduled in {Delay}: {Reason}")]
    private partial void LogLedgerUnavailable(string messageId, TimeSpan delay, string reason);
}
