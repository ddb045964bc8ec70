using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Amqp;

namespace ContentSync.ServiceBusBroker;

/// <summary>A message under the lock that one delivery gave it. A later delivery has another lock.</summary>
internal sealed record Delivery(BrokerMessage Message, Guid LockToken);

/// <summary>Which delivery an AMQP message object stands for, as long as the AMQP library keeps it.</summary>
internal sealed class Deliveries
{
    private readonly ConditionalWeakTable<Message, Delivery> _sent = [];

    public void Add(Message wire, BrokerMessage message) => _sent.Add(wire, new Delivery(message, message.LockToken));

    public bool TryGet(Message wire, [NotNullWhen(true)] out Delivery? delivery) => _sent.TryGetValue(wire, out delivery);
}
