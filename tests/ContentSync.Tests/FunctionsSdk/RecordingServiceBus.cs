using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>Keeps what the host sent. It derives from the doubles as it would from the real classes.</summary>
internal sealed class RecordingServiceBus : ServiceBusClient
{
    /// <summary>The messages of each transfer.</summary>
    public List<IReadOnlyList<ServiceBusMessage>> Transfers { get; } = [];

    /// <summary>Each message with the queue that it went to.</summary>
    public List<(string Queue, ServiceBusMessage Message)> Log { get; } = [];

    public IReadOnlyList<ServiceBusMessage> Sent => [.. Transfers.SelectMany(transfer => transfer)];

    /// <summary>While set, every transfer fails with it.</summary>
    public Exception? Unavailable { get; set; }

    public override ServiceBusSender CreateSender(string queueOrTopicName) => new Sender(this, queueOrTopicName);

    private sealed class Sender(RecordingServiceBus bus, string queue) : ServiceBusSender
    {
        public override Task SendMessagesAsync(IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (bus.Unavailable is { } unavailable) throw unavailable;
            bus.Transfers.Add([.. messages]);
            bus.Log.AddRange(messages.Select(message => (queue, message)));
            return Task.CompletedTask;
        }
    }
}
