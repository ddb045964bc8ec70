using System.Security.Cryptography;
using Azure.Messaging.ServiceBus;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.ServiceBusBroker;
using ContentSync.Simulator;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Resync;
using ContentSync.Tests.Resync.Lanes;

namespace ContentSync.Tests.ServiceBus;

/// <summary>
/// The environment of the app's processes: two queues configured as the template does, the simulator, and one ledger, lane progress store and
/// resync store that all processes share. The queues belong to a namespace of this test, or to Microsoft's emulator if
/// <see cref="EmulatorVariable"/> is set.
/// </summary>
internal sealed class ServiceBusWorld : IAsyncDisposable
{
    /// <summary>
    /// Environment variable with the connection string of an emulator that has the queues of README's <c>servicebus-emulator.json</c>. The tests
    /// empty these queues.
    /// </summary>
    public const string EmulatorVariable = "CONTENTSYNC_SERVICEBUS_EMULATOR";

    public const string ContentQueue = "content";
    public const string ResyncQueue = "content-resync";
    public const string ClientId = "4Q5Y8W0WSG45P907917";
    public const string KeyVersion = "7";

    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(200);
    private static readonly ServiceBusReceiverOptions Deleting = new() { ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete };
    private static readonly ServiceBusReceiverOptions DeletingDeadLetters = new()
    {
        ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete,
        SubQueue = SubQueue.DeadLetter,
    };

    private readonly ServiceBusNamespace? _broker;
    private readonly List<AppProcess> _processes = [];

    private ServiceBusWorld(ServiceBusNamespace? broker, string connectionString, SimulatedGateway gateway, RSA key)
    {
        _broker = broker;
        ConnectionString = connectionString;
        Gateway = gateway;
        Key = key;
        Client = Connect();
    }

    public string ConnectionString { get; }

    public SimulatedGateway Gateway { get; }

    /// <summary>The app's signing key.</summary>
    public RSA Key { get; }

    /// <summary>The client that the test itself uses.</summary>
    public ServiceBusClient Client { get; }

    public MemoryLedger Ledger { get; } = new(TimeProvider.System);

    public MemoryLaneProgressStore LaneProgress { get; } = new();

    /// <summary>The send budget and the pauses of all processes.</summary>
    public MemorySendStateStore SendState { get; } = new(TimeProvider.System);

    public MemoryResyncStore ResyncStore { get; } = new();

    /// <summary>Prefix of this test's MessageIds; without it the emulator could drop a message as a duplicate of another test's.</summary>
    public string Run { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Injects faults. The emulator cannot, so a test that uses this is skipped on the emulator.</summary>
    public ServiceBusNamespace Broker
    {
        get
        {
            Skip.If(_broker is null, "The emulator cannot inject faults.");
            return _broker;
        }
    }

    public static async Task<ServiceBusWorld> OpenAsync()
    {
        var key = RSA.Create(2048);
        using var alipayHkKey = RSA.Create(2048);
        var gateway = await SimulatedGateway.StartAsync(
            new SimulatedGatewayOptions
            {
                ClientId = ClientId,
                ContentTypes = [.. new ContentOptions().ContentTypes],
                CallerKeys = [new RegisteredKey(KeyVersion, key.ExportSubjectPublicKeyInfoPem())],
                Key = new GatewayKey("3", alipayHkKey.ExportPkcs8PrivateKeyPem()),
            },
            TimeProvider.System,
            null,
            CancellationToken.None);
        if (Environment.GetEnvironmentVariable(EmulatorVariable) is { Length: > 0 } emulator)
        {
            var world = new ServiceBusWorld(null, emulator, gateway, key);
            await world.EmptyAsync();
            return world;
        }

        var broker = ServiceBusNamespace.Open(
            [
                new BrokerQueueOptions(ContentQueue) { LockDuration = TimeSpan.FromMinutes(2), DetectsDuplicates = true },
                new BrokerQueueOptions(ResyncQueue) { LockDuration = TimeSpan.FromMinutes(5), DetectsDuplicates = true, RequiresSession = true },
            ],
            TimeProvider.System);
        return new ServiceBusWorld(broker, broker.ConnectionString, gateway, key);
    }

    /// <summary>The client's timeouts are shorter than the defaults, so that tests of outages stay short.</summary>
    public ServiceBusClient Connect() => new(ConnectionString, new ServiceBusClientOptions
    {
        RetryOptions = new ServiceBusRetryOptions
        {
            Delay = TimeSpan.FromMilliseconds(50),
            MaxDelay = TimeSpan.FromMilliseconds(500),
            MaxRetries = 2,
            TryTimeout = TimeSpan.FromSeconds(5),
        },
    });

    /// <summary>Starts one process of the app.</summary>
    /// <param name="settings">Added to the minimum settings that the app needs to start; replaces those with the same name.</param>
    /// <param name="sessions">Changes the session processor's options, which come from host.json.</param>
    public async Task<AppProcess> StartProcessAsync(
        Dictionary<string, string?>? settings = null, Action<ServiceBusSessionProcessorOptions>? sessions = null)
    {
        var process = await AppProcess.StartAsync(this, settings ?? [], sessions);
        _processes.Add(process);
        return process;
    }

    /// <summary>One item as a catalog pipeline writes it.</summary>
    public static string Item(string contentId, string name = "凍檸茶", int? revision = null) =>
        $$"""{"contentId":"{{contentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"{{name}}"}"""
        + (revision is null ? "}" : $",\"revision\":{revision}}}");

    /// <summary>An item that the simulator rejects permanently.</summary>
    public static string RiskyItem(string contentId) => Item(contentId, "guaranteed profit");

    public Task SendAsync(string messageId, string body, string? contentType = null, Dictionary<string, object>? properties = null) =>
        SendAsync(ContentQueue, Message(messageId, body, contentType, properties));

    public Task SendToLaneAsync(string lane, string messageId, string body)
    {
        var message = Message(messageId, body, null, null);
        message.SessionId = lane;
        return SendAsync(ResyncQueue, message);
    }

    public async Task SendAsync(string queue, ServiceBusMessage message)
    {
        await using var sender = Client.CreateSender(queue);
        await sender.SendMessageAsync(message);
    }

    public ServiceBusMessage Message(string messageId, string body, string? contentType = null, Dictionary<string, object>? properties = null)
    {
        var message = new ServiceBusMessage(body) { MessageId = $"{Run}/{messageId}", ContentType = contentType };
        foreach (var (name, value) in properties ?? []) message.ApplicationProperties[name] = value;
        return message;
    }

    /// <summary>Waits until the queue has no ready, locked or scheduled messages.</summary>
    public async Task DoneAsync(string queue = ContentQueue)
    {
        await using var receiver = Client.CreateReceiver(queue);
        await Eventually.TrueAsync(async () => await receiver.PeekMessageAsync(0) is null, $"the queue {queue} is empty");
    }

    /// <summary>Waits for the expected number of dead-lettered messages and receives them.</summary>
    public async Task<IReadOnlyList<ServiceBusReceivedMessage>> DeadLettersAsync(int count, string queue = ContentQueue)
    {
        await using var receiver = Client.CreateReceiver(queue, DeletingDeadLetters);
        var messages = new List<ServiceBusReceivedMessage>();
        await Eventually.TrueAsync(
            async () =>
            {
                messages.AddRange(await receiver.ReceiveMessagesAsync(100, Soon));
                return messages.Count >= count;
            },
            $"{count} messages of the queue {queue} are dead-lettered");
        Assert.Equal(count, messages.Count);
        return messages;
    }

    public async Task<SyncRecord> RecordAsync(string contentId) =>
        await Ledger.FindAsync(contentId, CancellationToken.None)
        ?? throw new InvalidOperationException($"The ledger has no record for {contentId}.");

    public Task SynchronizedAsync(string contentId) => Eventually.TrueAsync(
        async () => await Ledger.FindAsync(contentId, CancellationToken.None) is { State: SyncState.Synchronized }, $"{contentId} is synchronized");

    public async ValueTask DisposeAsync()
    {
        // Requests that still hang at AlipayHK would delay the shutdown of the processes.
        await Gateway.DisposeAsync();
        foreach (var process in _processes) await process.DisposeAsync();
        await Client.DisposeAsync();
        Key.Dispose();
        if (_broker is null) return;

        // Throws if the broker itself has failed, so that the test fails.
        await _broker.InspectAsync(ContentQueue).WaitAsync(TimeSpan.FromSeconds(10));
        await _broker.DisposeAsync();
    }

    private async Task EmptyAsync()
    {
        foreach (var queue in new[] { ContentQueue, ResyncQueue })
        {
            await using var deadLetters = Client.CreateReceiver(queue, DeletingDeadLetters);
            while ((await deadLetters.ReceiveMessagesAsync(100, Soon)).Count > 0)
            {
            }
        }

        await using var content = Client.CreateReceiver(ContentQueue, Deleting);
        while ((await content.ReceiveMessagesAsync(100, Soon)).Count > 0)
        {
        }
    }
}
