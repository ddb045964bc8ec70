using Azure.Messaging.ServiceBus;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Hands a delivered message to the library and settles it as the library says.</summary>
/// <param name="queues">Take what goes on as messages of its own.</param>
/// <param name="invocations">Say when the process is to end.</param>
/// <param name="time">Clock.</param>
/// <param name="logger">Hears of abandoned messages.</param>
public sealed partial class MessageSettler(ServiceBusQueues queues, InvocationsUnderWay invocations, TimeProvider time, ILogger<MessageSettler> logger)
{
    /// <summary>
    /// Longest that settling one message may take, what it sends before included. The invocation's token must not end it: what was done would be done again, and a
    /// settlement that is cancelled fails with an RpcException, which marks the invocation as failed.
    /// </summary>
    private static readonly TimeSpan MaxSettleTime = TimeSpan.FromSeconds(20);

    /// <summary>Settles the message in every case but one: an exception leaves it to the Functions host, which abandons it.</summary>
    /// <param name="process">The library's processor of this queue's messages.</param>
    /// <param name="message">As delivered.</param>
    /// <param name="actions">Settle it.</param>
    /// <param name="cancellationToken">The invocation's.</param>
    public async Task RunAsync(
        Func<QueueMessage, CancellationToken, ValueTask<MessageSettlement>> process, ServiceBusReceivedMessage message, ServiceBusMessageActions actions, CancellationToken cancellationToken)
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

        // The host shuts down, which is no fault of the message's: another instance gets it at once.
        LogAbandoned(message.MessageId);
        await actions.AbandonMessageAsync(message, null, settling.Token).ConfigureAwait(false);
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

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information, Message = "Left message {MessageId} to another instance: shutting down")]
    private partial void LogAbandoned(string messageId);
}
