using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>One pack of a resync: an array of items on their lane's session. Items that did not end go on as messages of their own on the content queue, where they hold up no lane.</summary>
public sealed class ProcessResyncPack(MessageSettler settler)
{
    [Function(nameof(ProcessResyncPack))]
    public Task RunAsync(
        [ServiceBusTrigger(QueueOptions.ResyncBinding, Connection = ServiceBusOptions.Section, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        settler.RunAsync(message, actions, cancellationToken);
}
