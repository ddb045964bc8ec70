using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Tests.ServiceBus;

/// <summary>Settles messages with the processor's methods, over the link that delivered them, as the Functions host does for its worker.</summary>
internal sealed class ForwardingMessageActions(
    Func<ServiceBusReceivedMessage, CancellationToken, Task> complete,
    Func<ServiceBusReceivedMessage, IDictionary<string, object>?, CancellationToken, Task> abandon,
    Func<ServiceBusReceivedMessage, Dictionary<string, object>?, string?, string?, CancellationToken, Task> deadLetter) : ServiceBusMessageActions
{
    public static ForwardingMessageActions To(ProcessMessageEventArgs e) =>
        new(e.CompleteMessageAsync, e.AbandonMessageAsync, e.DeadLetterMessageAsync);

    public static ForwardingMessageActions To(ProcessSessionMessageEventArgs e) =>
        new(e.CompleteMessageAsync, e.AbandonMessageAsync, e.DeadLetterMessageAsync);

    public override Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
        complete(message, cancellationToken);

    public override Task AbandonMessageAsync(
        ServiceBusReceivedMessage message,
        IDictionary<string, object>? propertiesToModify = default,
        CancellationToken cancellationToken = default) =>
        abandon(message, propertiesToModify, cancellationToken);

    public override Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        Dictionary<string, object>? propertiesToModify = default,
        string? deadLetterReason = default,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default) =>
        deadLetter(message, propertiesToModify, deadLetterReason, deadLetterErrorDescription, cancellationToken);
}
