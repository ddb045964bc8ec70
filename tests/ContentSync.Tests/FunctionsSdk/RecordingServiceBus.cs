using System.Diagnostics;
using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>Keeps what the host sent.</summary>
internal sealed class RecordingServiceBus : ServiceBusClient
{
    /// <summary>The messages of each transfer.</summary>
    public List<IReadOnlyList<ServiceBusMessage>> Transfers { get; } = [];

    /// <summary>Each message with the queue that it went to.</summary>
    public List<(string Queue, ServiceBusMessage Message)> Log { get; } = [];

    /// <summary>The trace that each transfer was sent in, which the real sender writes into its messages; null for none.</summary>
    public List<string?> Traces { get; } = [];

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
            bus.Traces.Add(Activity.Current?.TraceId.ToHexString());
            bus.Transfers.Add([.. messages]);
            bus.Log.AddRange(messages.Select(message => (queue, message)));
            return Task.CompletedTask;
        }
    }
}
