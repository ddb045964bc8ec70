// A double for the parts of Microsoft.Azure.Functions.Worker.Extensions.ServiceBus 5.24.0 that the host and the worker SDK use. Each member cites
// its real signature.
using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>
/// 5.24.0: <c>[InputConverter(typeof(ServiceBusReceivedMessageConverter))] [ConverterFallbackBehavior(ConverterFallbackBehavior.Default)]
/// public sealed class ServiceBusTriggerAttribute : TriggerBindingAttribute, ISupportCardinality</c>
/// </summary>
[InputConverter(typeof(ServiceBusReceivedMessageConverter))]
[ConverterFallbackBehavior(ConverterFallbackBehavior.Default)]
public sealed class ServiceBusTriggerAttribute : TriggerBindingAttribute, ISupportCardinality
{
    /// <summary>5.24.0: <c>ServiceBusTriggerAttribute(string queueName)</c></summary>
    public ServiceBusTriggerAttribute(string queueName) => QueueName = queueName;

    /// <summary>5.24.0: <c>ServiceBusTriggerAttribute(string topicName, string subscriptionName)</c></summary>
    public ServiceBusTriggerAttribute(string topicName, string subscriptionName) => (TopicName, SubscriptionName) = (topicName, subscriptionName);

    /// <summary>5.24.0: <c>string? Connection { get; set; }</c></summary>
    public string? Connection { get; set; }

    /// <summary>5.24.0: <c>string? QueueName { get; }</c></summary>
    public string? QueueName { get; }

    /// <summary>5.24.0: <c>string? TopicName { get; }</c></summary>
    public string? TopicName { get; }

    /// <summary>5.24.0: <c>string? SubscriptionName { get; }</c></summary>
    public string? SubscriptionName { get; }

    /// <summary>5.24.0: <c>bool IsSessionsEnabled { get; set; }</c></summary>
    public bool IsSessionsEnabled { get; set; }

    /// <summary>5.24.0: <c>[DefaultValue(false)] bool IsBatched { get; set; }</c>; the attribute is the one that the worker SDK defines.</summary>
    [DefaultValue(false)]
    public bool IsBatched { get; set; }

    /// <summary>
    /// 5.24.0: <c>bool AutoCompleteMessages { get; set; }</c>. Part of the binding only if a function sets it; otherwise host.json applies.
    /// </summary>
    public bool AutoCompleteMessages { get; set; }

    /// <summary>5.24.0: <c>Cardinality ISupportCardinality.Cardinality { get; set; }</c></summary>
    Cardinality ISupportCardinality.Cardinality
    {
        get => IsBatched ? Cardinality.Many : Cardinality.One;
        set => IsBatched = value == Cardinality.Many;
    }
}
