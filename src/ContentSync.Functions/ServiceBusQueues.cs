using System.Diagnostics;
using Azure.Identity;
using Azure.Messaging.ServiceBus;
using ContentSync.Resync;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Functions;

/// <summary>Sends to the app's two queues: what names a session to the resync queue, everything else to the content queue.</summary>
public sealed class ServiceBusQueues(ServiceBusSender content, ServiceBusSender resync, TimeProvider time) : ISyncQueue, IResyncQueue
{
    /// <summary>Most bytes of one transfer; Service Bus Standard takes 256 KB, properties and framing included.</summary>
    private const int MaxTransferBytes = 192 * 1024;

    /// <summary>What a message takes beside its body, generously.</summary>
    private const int EnvelopeBytes = 1024;

    /// <inheritdoc/>
    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) =>
        EnqueueAsync([.. messages.Select(OutgoingMessage.Reference)], cancellationToken);

    /// <summary>Sends the messages; those with a delay are scheduled. A failure may leave some of them sent: sending them again repeats their ids, which the queues' duplicate detection knows.</summary>
    /// <exception cref="QueueUnavailableException">Service Bus did not take them.</exception>
    public async ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        try
        {
            // A transfer carries the session of its first message, so one of several sessions would be no sound one.
            foreach (var session in messages.GroupBy(message => message.SessionId, StringComparer.Ordinal))
                await SendAsync(session.Key is null ? content : resync, session, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ServiceBusException or UnauthorizedAccessException or AuthenticationFailedException or TimeoutException)
        {
            throw new QueueUnavailableException($"Service Bus did not take the messages: {e.Message}", e);
        }
    }

    private async Task SendAsync(ServiceBusSender sender, IEnumerable<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        // A message carries the trace it is sent in; the packs of a run, thousands of them, would all be one trace.
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
