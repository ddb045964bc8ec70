using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Ledger;
using Microsoft.Extensions.Logging;

namespace ContentSync.Synchronization.Messages;

/// <summary>
/// Works one message of a queue off and says how it is to be settled. A message that can be sent again later becomes a reference
/// with its delay; items of an array that did not end leave it one by one, so that none holds the others.
/// </summary>
public sealed partial class ContentMessageProcessor(
    ContentMessageReader reader,
    ContentSynchronizer synchronizer,
    RecoverabilityOptions options,
    ILogger<ContentMessageProcessor> logger)
{
    /// <summary>Items of one array in flight at the same time.</summary>
    private const int MaxInFlight = 8;

    /// <summary>Works the message off. Safe to call again with the same message: the ledger knows what was done, and the messages to send get the same ids.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the message is to be left to somebody else. That is no failure of the message's, and nothing of it is lost.</exception>
    public async ValueTask<MessageSettlement> ProcessAsync(QueueMessage message, CancellationToken cancellationToken)
    {
        switch (reader.Read(message))
        {
            case ContentMessage.Items { Entries: [var item] }:
                return await ProcessItemAsync(message, item, cancellationToken).ConfigureAwait(false);
            case ContentMessage.Items array:
                return await ProcessArrayAsync(message, array.Entries, cancellationToken).ConfigureAwait(false);
            case ContentMessage.ItemReference { Message: var wake }:
                return Settle(wake, await synchronizer.SynchronizeAsync(wake.ContentId, cancellationToken).ConfigureAwait(false));
            case ContentMessage.Invalid { Fault: var fault }:
                LogInvalid(message.MessageId, fault);
                return Invalid(fault);
            default:
                throw new InvalidOperationException("A message of an unknown kind.");
        }
    }

    private async ValueTask<MessageSettlement> ProcessItemAsync(QueueMessage message, MessageItem item, CancellationToken cancellationToken)
    {
        if (item.Result.Item is null)
        {
            var invalid = Invalid(item.Result);
            LogInvalid(message.MessageId, invalid.Description);
            return invalid;
        }

        if (await AcceptAsync(message, [item.Result.Item], cancellationToken).ConfigureAwait(false) is not [var (kind, record)]) return RetryWhenLedgerReturns(message);
        switch (kind)
        {
            case AcceptanceKind.Unchanged or AcceptanceKind.Superseded:
                return MessageSettlement.Complete.Instance;
            case AcceptanceKind.RevisionConflict:
                return Conflict(record);
            case AcceptanceKind.Parked:
                return Parked(record, null);
            default:
                var outcome = await synchronizer.SynchronizeAsync(record.ContentId, cancellationToken).ConfigureAwait(false);
                return Settle(Wake(record, message.Hop()), outcome);
        }
    }

    private async ValueTask<MessageSettlement> ProcessArrayAsync(QueueMessage message, IReadOnlyList<MessageItem> entries, CancellationToken cancellationToken)
    {
        // One span for all of them: a bulk item may cost 100 bytes of telemetry, and a span of its own costs several times that.
        using var activity = Telemetry.StartBulk(entries.Count);
        var outgoing = new List<OutgoingMessage>();
        var sound = new List<(int Index, ContentItem Item)>(entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            if (entries[i].Result.Item is { } item) sound.Add((i, item));
            else outgoing.Add(SplitOff(message, i, entries[i]));
        }

        if (await AcceptAsync(message, sound.ConvertAll(entry => entry.Item), cancellationToken).ConfigureAwait(false) is not { } acceptances) return RetryWhenLedgerReturns(message);
        var wakes = new Dictionary<string, SyncMessage>(sound.Count, StringComparer.Ordinal);
        for (var i = 0; i < acceptances.Count; i++)
        {
            var (kind, record) = acceptances[i];
            switch (kind)
            {
                case AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending:
                    wakes[record.ContentId] = Wake(record, message.Hop());
                    break;
                case AcceptanceKind.RevisionConflict:
                    outgoing.Add(SplitOff(message, sound[i].Index, entries[sound[i].Index]));
                    break;
                case AcceptanceKind.Parked:
                    var wake = Wake(record, message.Hop());
                    outgoing.Add(OutgoingMessage.Reference(wake with { Hop = wake.Hop + 1 }));
                    break;
            }
        }

        outgoing.AddRange(await SynchronizeAsync(wakes.Values, cancellationToken).ConfigureAwait(false));
        activity?.SetTag("content.left", outgoing.Count);
        return outgoing.Count > 0 ? new MessageSettlement.SendThenComplete(outgoing) : MessageSettlement.Complete.Instance;
    }

    /// <returns>A reference for each that did not end well.</returns>
    private async ValueTask<IReadOnlyList<OutgoingMessage>> SynchronizeAsync(Dictionary<string, SyncMessage>.ValueCollection wakes, CancellationToken cancellationToken)
    {
        // Not Parallel.ForEachAsync: it takes a thread of the pool for each, though all of them mostly wait.
        var left = new List<OutgoingMessage>();
        var waiting = new ConcurrentQueue<SyncMessage>(wakes);
        await Task.WhenAll(Enumerable.Range(0, Math.Min(MaxInFlight, wakes.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return left;

        async Task WorkAsync()
        {
            while (waiting.TryDequeue(out var wake))
            {
                var outcome = await synchronizer.SynchronizeAsync(wake.ContentId, cancellationToken).ConfigureAwait(false);
                if (outcome.Kind is SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged) continue;
                lock (left) left.Add(OutgoingMessage.Reference(Next(wake, outcome)));
            }
        }
    }

    /// <returns>Null where the ledger cannot be reached.</returns>
    private async ValueTask<IReadOnlyList<Acceptance>?> AcceptAsync(QueueMessage message, List<ContentItem> items, CancellationToken cancellationToken)
    {
        try
        {
            return items.Count == 0 ? [] : await synchronizer.AcceptAsync(items, message.ReceivedAt(), cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException e)
        {
            LogLedgerUnavailable(message.MessageId, options.LeaseDuration, e.Message);
            return null;
        }
    }

    private MessageSettlement.SendThenComplete RetryWhenLedgerReturns(QueueMessage message) => new([OutgoingMessage.Copy(message, options.LeaseDuration)]);

    private static MessageSettlement Settle(SyncMessage wake, SyncOutcome outcome) => outcome.Kind switch
    {
        SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged => MessageSettlement.Complete.Instance,
        SyncOutcomeKind.Pending => new MessageSettlement.SendThenComplete([OutgoingMessage.Reference(Next(wake, outcome))]),
        SyncOutcomeKind.NotFound => new MessageSettlement.DeadLetter(
            DeadLetterReasons.UnknownContent,
            Shortened($"The ledger holds no content with the id '{wake.ContentId}'. Send the content itself."),
            new Dictionary<string, object> { [MessageContract.ContentIdProperty] = wake.ContentId }),
        _ => Parked(outcome.Record!, outcome.Description),
    };

    private static SyncMessage Wake(SyncRecord record, int hop) => new(record.ContentId, record.RequestId, Math.Max(record.Hop, hop), TimeSpan.Zero);

    // A copy that repeated the id of the message it stands for would be dropped as its duplicate.
    private static SyncMessage Next(SyncMessage wake, SyncOutcome outcome) => new(
        wake.ContentId,
        outcome.Record?.RequestId ?? wake.RequestId,
        Math.Max(outcome.Record?.Hop ?? 0, wake.Hop + 1),
        outcome.Delay);

    private static MessageSettlement.DeadLetter Parked(SyncRecord record, string? description)
    {
        var properties = new Dictionary<string, object> { [MessageContract.ContentIdProperty] = record.ContentId, [MessageContract.RequestIdProperty] = record.RequestId };
        if (record.LastAttempt is { } attempt)
        {
            properties[MessageContract.CodeProperty] = attempt.Code;
            if (attempt.TracerId is { } tracerId) properties[MessageContract.TracerIdProperty] = tracerId;
        }

        return new MessageSettlement.DeadLetter(
            (record.ParkReason ?? ParkReason.Rejected).ToString(),
            Shortened(description ?? $"This very content was parked before, with {record.LastAttempt?.Code}: {record.LastAttempt?.Message}"),
            properties);
    }

    private static MessageSettlement.DeadLetter Conflict(SyncRecord record) => new(
        DeadLetterReasons.RevisionConflict,
        Shortened($"Revision {record.Revision} of '{record.ContentId}' was accepted before with other content. Raise the revision."),
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

    private static OutgoingMessage SplitOff(QueueMessage message, int index, MessageItem item) => OutgoingMessage.SplitOff(message, index, item.Text, item.ContentType);

    private static string Shortened(string text) =>
        text.Length <= MessageContract.MaxDescriptionLength ? text : text[..(MessageContract.MaxDescriptionLength - 1)] + "…";

    [LoggerMessage(EventId = 2201, Level = LogLevel.Warning, Message = "Message {MessageId} is not valid: {Fault}")]
    private partial void LogInvalid(string messageId, string fault);

    [LoggerMessage(EventId = 2202, Level = LogLevel.Error, Message = "Message {MessageId} was not accepted, a copy comes in {Delay}: {Reason}")]
    private partial void LogLedgerUnavailable(string messageId, TimeSpan delay, string reason);
}
