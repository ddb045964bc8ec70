using Azure.Messaging.ServiceBus;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Processes one message of the content queue: an item from a catalog pipeline, or the app's own reference to an item.</summary>
public sealed class ProcessContentMessage(ContentMessageProcessor processor, MessageSettler settler)
{
    [Function(nameof(ProcessContentMessage))]
    public Task RunAsync(
        [ServiceBusTrigger(QueueOptions.ContentBinding, Connection = ServiceBusOptions.Section, AutoCompleteMessages = false)]
        ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        settler.RunAsync(processor.ProcessAsync, message, actions, cancellationToken);
}
