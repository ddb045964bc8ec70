using Azure.Messaging.ServiceBus;
using ContentSync.ServiceBusBroker;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.ServiceBus;

/// <summary>
/// A namespace with three queues, whose clock only a test advances, and a client that reports the first failure without immediate retries.
/// </summary>
public abstract class BrokerTest : IAsyncLifetime
{
    protected const string Plain = "plain";
    protected const string Duplicates = "duplicates";
    protected const string Sessions = "sessions";

    protected static readonly TimeSpan LockDuration = TimeSpan.FromMinutes(1);
    protected static readonly TimeSpan DuplicateWindow = TimeSpan.FromMinutes(10);

    /// <summary>Long enough for an available message to arrive on a busy machine, short enough to wait for one that must not.</summary>
    protected static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    // Starts at the system time, because the client uses the system clock.
    protected FakeTimeProvider Clock { get; } = new(DateTimeOffset.UtcNow);

    protected ServiceBusNamespace Namespace { get; private set; } = null!;

    protected ServiceBusClient Client { get; private set; } = null!;

    public Task InitializeAsync()
    {
        Namespace = ServiceBusNamespace.Open(
            [
                new BrokerQueueOptions(Plain) { LockDuration = LockDuration, MaxDeliveryCount = 3 },
                new BrokerQueueOptions(Duplicates) { LockDuration = LockDuration, DetectsDuplicates = true, DuplicateWindow = DuplicateWindow },
                new BrokerQueueOptions(Sessions) { LockDuration = LockDuration, RequiresSession = true, MaxDeliveryCount = 3 },
            ],
            Clock);
        Client = Connect();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await Client.DisposeAsync();
        await Namespace.DisposeAsync();
    }

    protected ServiceBusClient Connect(TimeSpan? tryTimeout = null) => new(
        Namespace.ConnectionString,
        new ServiceBusClientOptions { RetryOptions = new() { MaxRetries = 0, TryTimeout = tryTimeout ?? TimeSpan.FromSeconds(10) } });

    protected static ServiceBusMessage Message(string id, string? session = null)
    {
        var message = new ServiceBusMessage(id) { MessageId = id };
        if (session is not null) message.SessionId = session;
        return message;
    }

    protected Task SendAsync(string queue, params ServiceBusMessage[] messages) => Client.CreateSender(queue).SendMessagesAsync(messages);

    protected async Task<ServiceBusReceivedMessage?> NextDeadLetterAsync(string queue) =>
        await Client.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter }).ReceiveMessageAsync(Soon);

    /// <summary>Receives and completes all ready messages.</summary>
    protected static async Task<IReadOnlyList<string>> DrainAsync(ServiceBusReceiver receiver)
    {
        var ids = new List<string>();
        while (await receiver.ReceiveMessageAsync(Soon) is { } message)
        {
            ids.Add(message.MessageId);
            await receiver.CompleteMessageAsync(message);
        }

        return ids;
    }

    protected static async Task<ServiceBusFailureReason> FailsAsync(Func<Task> action) =>
        (await Assert.ThrowsAsync<ServiceBusException>(action)).Reason;
}
