using Azure.Messaging.ServiceBus;
using ContentSync.Diagnostics;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Passes a delivered message to the library and settles it as the library decides.</summary>
public sealed partial class MessageSettler(
    ServiceBusQueues queues,
    InvocationTracker invocations,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    ILogger<MessageSettler> logger)
{
    /// <summary>
    /// Maximum time for settling one message, including what it sends first. The invocation's token must not end it: finished work would be
    /// repeated, and a cancelled settlement throws an RpcException, which marks the invocation as failed.
    /// </summary>
    private static readonly TimeSpan MaxSettleTime = TimeSpan.FromSeconds(20);

    /// <summary>Processes and settles a message. After an exception the Functions host abandons it.</summary>
    /// <param name="process">The library's processor for messages of this queue.</param>
    /// <param name="message">The delivered message.</param>
    /// <param name="actions">Settle the message.</param>
    /// <param name="cancellationToken">The invocation's token.</param>
    public async Task RunAsync(
        Func<QueueMessage, CancellationToken, ValueTask<MessageSettlement>> process,
        ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken)
    {
        using var shutdown = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, invocations.Stopping);
        MessageSettlement? settlement;
        try
        {
            settlement = await process(Of(message), shutdown.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (shutdown.IsCancellationRequested)
        {
            settlement = null;
        }

        using var settling = new CancellationTokenSource(MaxSettleTime, time);
        if (settlement is not null)
        {
            await SettleAsync(message, actions, settlement, settling.Token).ConfigureAwait(false);
            return;
        }

        // The host is shutting down; abandoning the message lets another instance receive it immediately.
        LogAbandoned(message.MessageId);
        await actions.AbandonMessageAsync(message, null, settling.Token).ConfigureAwait(false);
    }

    private async Task SettleAsync(
        ServiceBusReceivedMessage message, ServiceBusMessageActions actions, MessageSettlement settlement, CancellationToken cancellationToken)
    {
        switch (settlement)
        {
            case MessageSettlement.DeadLetter dead:
                await actions
                    .DeadLetterMessageAsync(message, dead.PropertiesFor(Of(message)), dead.Reason, dead.Description, cancellationToken)
                    .ConfigureAwait(false);
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

    internal static QueueMessage Of(ServiceBusReceivedMessage message)
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

    [LoggerMessage(
        EventId = 3001, Level = LogLevel.Information, Message = "Abandoned message {MessageId} for another instance: the host is shutting down")]
    private partial void LogAbandoned(string messageId);
}
