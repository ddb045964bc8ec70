// Stands for Microsoft.Azure.Functions.Worker.Extensions.ServiceBus 5.24.0, as far as the host uses it. Signatures are the real ones.
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

/// <summary><c>public sealed class ServiceBusTriggerAttribute : TriggerBindingAttribute, ISupportCardinality</c></summary>
/// <remarks>Real constructor: <c>ServiceBusTriggerAttribute(string queueName)</c>.</remarks>
public sealed class ServiceBusTriggerAttribute(string queueName) : TriggerBindingAttribute
{
    /// <summary><c>string? Connection { get; set; }</c></summary>
    public string? Connection { get; set; }

    /// <summary><c>string? QueueName { get; }</c></summary>
    public string? QueueName { get; } = queueName;

    /// <summary><c>bool IsSessionsEnabled { get; set; }</c></summary>
    public bool IsSessionsEnabled { get; set; }

    /// <summary><c>bool IsBatched { get; set; }</c></summary>
    public bool IsBatched { get; set; }

    /// <summary><c>bool AutoCompleteMessages { get; set; }</c>. The worker writes it into the binding only where the attribute names it; host.json decides otherwise.</summary>
    public bool AutoCompleteMessages { get; set; }
}

/// <summary><c>public class ServiceBusMessageActions</c>. The real one has the same protected constructor, meant for fakes, and virtual members that settle over gRPC.</summary>
public class ServiceBusMessageActions
{
    protected ServiceBusMessageActions()
    {
    }

    /// <summary><c>virtual Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default)</c></summary>
    public virtual Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) => throw NoService.Here();

    /// <summary><c>virtual Task AbandonMessageAsync(ServiceBusReceivedMessage message, IDictionary&lt;string, object&gt;? propertiesToModify = default, CancellationToken cancellationToken = default)</c></summary>
    public virtual Task AbandonMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default) => throw NoService.Here();

    /// <summary><c>virtual Task DeadLetterMessageAsync(ServiceBusReceivedMessage message, Dictionary&lt;string, object&gt;? propertiesToModify = default, string? deadLetterReason = default, string? deadLetterErrorDescription = default, CancellationToken cancellationToken = default)</c></summary>
    public virtual Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        Dictionary<string, object>? propertiesToModify = default,
        string? deadLetterReason = default,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default) => throw NoService.Here();
}
