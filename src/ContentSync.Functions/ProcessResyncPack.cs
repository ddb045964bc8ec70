using Azure.Messaging.ServiceBus;
using ContentSync.Resync;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>
/// Processes one message of the resync queue: a pack of a lane, a step that continues a run, or an array of items from another system.
/// Items that need a retry continue as their own messages on the content queue, where they do not block a lane.
/// </summary>
public sealed class ProcessResyncPack(ResyncMessageProcessor processor, MessageSettler settler)
{
    [Function(nameof(ProcessResyncPack))]
    public Task RunAsync(
        [ServiceBusTrigger(
            QueueOptions.ResyncBinding, Connection = ServiceBusOptions.Section, IsSessionsEnabled = true, AutoCompleteMessages = false)]
        ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        settler.RunAsync(processor.ProcessAsync, message, actions, cancellationToken);
}
