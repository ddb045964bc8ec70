using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>Keeps what the host sent. It derives from the doubles as it would from the real classes.</summary>
internal sealed class RecordingServiceBus : ServiceBusClient
{
    /// <summary>The queues that senders were made for.</summary>
    public List<string> Queues { get; } = [];

    /// <summary>The messages of each transfer.</summary>
    public List<IReadOnlyList<ServiceBusMessage>> Transfers { get; } = [];

    public IReadOnlyList<ServiceBusMessage> Sent => [.. Transfers.SelectMany(transfer => transfer)];

    /// <summary>While set, every transfer fails with it.</summary>
    public Exception? Unavailable { get; set; }

    public override ServiceBusSender CreateSender(string queueOrTopicName)
    {
        Queues.Add(queueOrTopicName);
        return new Sender(this);
    }

    private sealed class Sender(RecordingServiceBus bus) : ServiceBusSender
    {
        public override Task SendMessagesAsync(IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (bus.Unavailable is { } unavailable) throw unavailable;
            bus.Transfers.Add([.. messages]);
            return Task.CompletedTask;
        }
    }
}
