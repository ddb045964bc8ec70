using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Amqp;

namespace ContentSync.ServiceBusBroker;

/// <summary>One delivery of a message. Each delivery has its own lock.</summary>
internal sealed record Delivery(BrokerMessage Message, Guid LockToken);

/// <summary>Maps AMQP message objects to deliveries for as long as the AMQP library references them.</summary>
internal sealed class Deliveries
{
    private readonly ConditionalWeakTable<Message, Delivery> _sent = [];

    public void Add(Message wire, BrokerMessage message) => _sent.Add(wire, new Delivery(message, message.LockToken));

    public bool TryGet(Message wire, [NotNullWhen(true)] out Delivery? delivery) => _sent.TryGetValue(wire, out delivery);
}
