using Azure.Messaging.ServiceBus;
using ContentSync.Functions;
using ContentSync.Synchronization.Messages;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.DrainWorker;

/// <summary>What the drain benchmark compares with the app's <see cref="ProcessContentMessage"/>.</summary>
public sealed class DrainFunctions(ContentMessageProcessor processor, MessageSettler settler, OutsideCalls calls)
{
    /// <summary>Only settles the message.</summary>
    [Function("Empty")]
    public static Task EmptyAsync(
        [ServiceBusTrigger(QueueOptions.ContentBinding, Connection = ServiceBusOptions.Section, AutoCompleteMessages = false)]
        ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        actions.CompleteMessageAsync(message, cancellationToken);

    /// <summary>Only makes the calls to other systems that an item needs, and settles the message.</summary>
    [Function("OutsideCalls")]
    public async Task CallAsync(
        [ServiceBusTrigger(QueueOptions.ContentBinding, Connection = ServiceBusOptions.Section, AutoCompleteMessages = false)]
        ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken)
    {
        await calls.MakeAsync(message.MessageId, message.Body.ToMemory(), cancellationToken).ConfigureAwait(false);
        await actions.CompleteMessageAsync(message, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Processes the messages of a batch side by side and settles each as soon as it is processed.</summary>
    [Function("Batched")]
    public Task ProcessAsync(
        [ServiceBusTrigger(QueueOptions.ContentBinding, Connection = ServiceBusOptions.Section, AutoCompleteMessages = false, IsBatched = true)]
        ServiceBusReceivedMessage[] messages,
        ServiceBusMessageActions actions,
        CancellationToken cancellationToken) =>
        Task.WhenAll(messages.Select(message => settler.RunAsync(processor.ProcessAsync, message, actions, cancellationToken)));
}
