using Azure.Messaging.ServiceBus;
using ContentSync.Diagnostics;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Hands a delivered message to the library and settles it as the library says.</summary>
public sealed partial class MessageSettler(ServiceBusQueues queues, ILogger<MessageSettler> logger)
{
    /// <summary>Settles the message in every case but one: an exception leaves it to the Functions host, which abandons it.</summary>
    /// <param name="process">The library's processor of this queue's messages.</param>
    /// <param name="message">As delivered.</param>
    /// <param name="actions">Settle it.</param>
    /// <param name="cancellationToken">The invocation's.</param>
    public async Task RunAsync(
        Func<QueueMessage, CancellationToken, ValueTask<MessageSettlement>> process, ServiceBusReceivedMessage message, ServiceBusMessageActions actions, CancellationToken cancellationToken)
    {
        try
        {
            var settlement = await process(Of(message), cancellationToken).ConfigureAwait(false);
            await SettleAsync(message, actions, settlement, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The host shuts down, which is no fault of the message's: another instance gets it at once.
            LogAbandoned(message.MessageId);
            await actions.AbandonMessageAsync(message, null, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task SettleAsync(ServiceBusReceivedMessage message, ServiceBusMessageActions actions, MessageSettlement settlement, CancellationToken cancellationToken)
    {
        switch (settlement)
        {
            case MessageSettlement.DeadLetter dead:
                await actions.DeadLetterMessageAsync(message, new Dictionary<string, object>(dead.Properties), dead.Reason, dead.Description, cancellationToken).ConfigureAwait(false);
                Telemetry.DeadLettered.Add(1, new KeyValuePair<string, object?>("reason", dead.Reason));
                break;
            case MessageSettlement.SendThenComplete next:
                await queues.EnqueueAsync(next.Messages, cancellationToken).ConfigureAwait(false);
                await actions.CompleteMessageAsync(message, cancellationToken).ConfigureAwait(false);
                break;
            default:
                await actions.CompleteMessageAsync(message, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private static QueueMessage Of(ServiceBusReceivedMessage message)
    {
        ReadOnlyMemory<byte>? body;
        try
        {
            body = message.Body.ToMemory();
        }
        catch (NotSupportedException)
        {
            body = null;
        }

        return new QueueMessage(message.MessageId ?? "", body, message.ContentType, message.ApplicationProperties, message.EnqueuedTime);
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information, Message = "Left message {MessageId} to another instance: shutting down")]
    private partial void LogAbandoned(string messageId);
}
