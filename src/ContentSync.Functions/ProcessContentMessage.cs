using Azure.Messaging.ServiceBus;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>One message of the content queue: content from a catalog pipeline, or a reference of the app's own.</summary>
public sealed class ProcessContentMessage(ContentMessageProcessor processor, MessageSettler settler)
{
    [Function(nameof(ProcessContentMessage))]
    public Task RunAsync(
        [ServiceBusTrigger(QueueOptions.ContentBinding, Connection = ServiceBusOptions.Section, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        settler.RunAsync(processor.ProcessAsync, message, actions, cancellationToken);
}
