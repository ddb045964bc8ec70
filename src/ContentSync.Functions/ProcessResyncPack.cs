using Azure.Messaging.ServiceBus;
using ContentSync.Resync;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>
/// One message of the resync queue: a pack on its lane's session, a step that carries a run on, or an array of items from elsewhere. Items that did not end go on as
/// messages of their own on the content queue, where they hold up no lane.
/// </summary>
public sealed class ProcessResyncPack(ResyncMessageProcessor processor, MessageSettler settler)
{
    [Function(nameof(ProcessResyncPack))]
    public Task RunAsync(
        [ServiceBusTrigger(QueueOptions.ResyncBinding, Connection = ServiceBusOptions.Section, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        settler.RunAsync(processor.ProcessAsync, message, actions, cancellationToken);
}
