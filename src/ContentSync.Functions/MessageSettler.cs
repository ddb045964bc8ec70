using Azure.Messaging.ServiceBus;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Passes a delivered message to the library and settles it as the library decides.</summary>
public sealed partial class MessageSettler(ServiceBusQueues queues, ILogger<MessageSettler> logger)
{
    /// <summary>Processes and settles a message. After an exception the Functions host abandons it.</summary>
    /// <param name="process">The library's processor for messages of this queue.</param>
    /// <param name="message">The delivered message.</param>
    /// <param name="actions">Settle the message.</param>
    /// <param name="cancellationToken">The invocation's token.</param>
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
            // The host is shutting down; abandoning the message lets another instance receive it immediately.
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

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information, Message = "Abandoned message {MessageId} for another instance: the host is shutting down")]
    private partial void LogAbandoned(string messageId);
}
