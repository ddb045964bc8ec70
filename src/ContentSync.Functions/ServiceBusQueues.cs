using System.Diagnostics;
using Azure.Messaging.ServiceBus;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Functions;

/// <summary>Sends to the app's two queues: messages with a session to the resync queue, all others to the content queue.</summary>
public sealed class ServiceBusQueues(ServiceBusSender content, ServiceBusSender resync, TimeProvider time) : ISyncQueue, IResyncQueue
{
    /// <summary>Max bytes per transfer; Service Bus Standard accepts 256 KB, including properties and framing.</summary>
    private const int MaxTransferBytes = 192 * 1024;

    /// <summary>Upper estimate of what a message adds to its body.</summary>
    private const int EnvelopeBytes = 1024;

    /// <inheritdoc/>
    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) =>
        EnqueueAsync([.. messages.Select(OutgoingMessage.Reference)], cancellationToken);

    /// <summary>
    /// Sends the messages; those with a delay are scheduled. After a failure some may have been sent. Sending them again is safe: they keep
    /// their ids, so the queues' duplicate detection drops them.
    /// </summary>
    /// <exception cref="QueueUnavailableException">Service Bus did not accept all messages.</exception>
    public async ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        try
        {
            // A transfer carries the session of its first message, so messages of different sessions must not share one.
            foreach (var session in messages.GroupBy(message => message.SessionId, StringComparer.Ordinal))
                await SendAsync(session.Key is null ? content : resync, session, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (ServiceBusFault.IsBroker(e))
        {
            throw new QueueUnavailableException($"Service Bus did not accept the messages. {ServiceBusFault.Sentence(e)}", e);
        }
    }

    private async Task SendAsync(ServiceBusSender sender, IEnumerable<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        // A message carries the trace in which it is sent; the thousands of packs of a run would all share one trace.
        if (sender == resync) Activity.Current = null;
        var transfer = new List<ServiceBusMessage>();
        var bytes = 0;
        foreach (var message in messages)
        {
            var size = message.Body.Length + EnvelopeBytes;
            if (transfer.Count > 0 && bytes + size > MaxTransferBytes)
            {
                await sender.SendMessagesAsync(transfer, cancellationToken).ConfigureAwait(false);
                transfer = new List<ServiceBusMessage>();
                bytes = 0;
            }

            transfer.Add(Of(message));
            bytes += size;
        }

        await sender.SendMessagesAsync(transfer, cancellationToken).ConfigureAwait(false);
    }

    private ServiceBusMessage Of(OutgoingMessage outgoing)
    {
        var message = new ServiceBusMessage(outgoing.Body) { MessageId = outgoing.MessageId, ContentType = outgoing.ContentType };
        if (outgoing.SessionId is { } session) message.SessionId = session;
        if (outgoing.Delay > TimeSpan.Zero) message.ScheduledEnqueueTime = time.GetUtcNow() + outgoing.Delay;
        foreach (var (name, value) in outgoing.Properties) message.ApplicationProperties[name] = value;
        return message;
    }
}
