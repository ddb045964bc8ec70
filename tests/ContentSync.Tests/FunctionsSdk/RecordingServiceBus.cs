using System.Diagnostics;
using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>Records the messages that the host sends.</summary>
internal sealed class RecordingServiceBus : ServiceBusClient
{
    /// <summary>The messages of each transfer.</summary>
    public List<IReadOnlyList<ServiceBusMessage>> Transfers { get; } = [];

    /// <summary>Each message with its queue.</summary>
    public List<(string Queue, ServiceBusMessage Message)> Log { get; } = [];

    /// <summary>The trace id of each transfer, which the real sender writes to its messages; null without a trace.</summary>
    public List<string?> Traces { get; } = [];

    public IReadOnlyList<ServiceBusMessage> Sent => [.. Transfers.SelectMany(transfer => transfer)];

    /// <summary>While set, every transfer throws this exception.</summary>
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
