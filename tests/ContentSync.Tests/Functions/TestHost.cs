using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Azure.Messaging.ServiceBus;
using Azure.Security.KeyVault.Keys.Cryptography;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Diagnostics.Trends;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Signing;
using ContentSync.Simulator;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Diagnostics;
using ContentSync.Tests.FunctionsSdk;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Resync;
using ContentSync.Tests.Resync.Lanes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Functions;

/// <summary>
/// The host as its composition root builds it, with fakes only for external services: the simulator over HTTP, an in-memory ledger, a recording
/// Service Bus and a vault with a test key.
/// </summary>
internal sealed class TestHost : IAsyncDisposable
{
    public const string ClientId = "4Q5Y8W0WSG45P907917";
    public const string KeyId = "https://vault.example/keys/signing/0123456789abcdef0123456789abcdef";

    private static readonly RSA OurKey = RSA.Create(2048);
    private static readonly RSA AlipayHkKey = RSA.Create(2048);

    private readonly DirectoryInfo _plans;

    private TestHost(SimulatedGateway gateway, ServiceProvider services, FakeTimeProvider time, DirectoryInfo plans)
    {
        _plans = plans;
        Gateway = gateway;
        Services = services;
        Time = time;
    }

    public SimulatedGateway Gateway { get; }

    public ServiceProvider Services { get; }

    public FakeTimeProvider Time { get; }

    public MemoryLedger Ledger => (MemoryLedger)Services.GetRequiredService<ISyncLedger>();

    public RecordingServiceBus Bus => (RecordingServiceBus)Services.GetRequiredService<ServiceBusClient>();

    public ConcurrentDictionary<Uri, RecordingVaultKey> Vault { get; } = new();

    public ConcurrentQueue<string> Logged { get; } = new();

    public static async Task<TestHost> StartAsync(Action<IServiceCollection>? services = null, Action<Dictionary<string, string?>>? settings = null)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var gateway = await SimulatedGateway.StartAsync(
            new SimulatedGatewayOptions
            {
                ClientId = ClientId,
                ContentTypes = [.. new ContentOptions().ContentTypes],
                CallerKeys = [new RegisteredKey("7", OurKey.ExportSubjectPublicKeyInfoPem())],
                Key = new GatewayKey("3", AlipayHkKey.ExportPkcs8PrivateKeyPem()),
            },
            time,
            null,
            CancellationToken.None);
        var container = new ServiceCollection();
        var plans = Directory.CreateTempSubdirectory("contentsync-test-");
        services?.Invoke(container);
        var values = Settings();
        values["AlipayHk:BaseAddress"] = gateway.Address.AbsoluteUri;
        values["AlipayHk:PublicKeys:0:KeyVersion"] = gateway.KeyVersion;
        values["AlipayHk:PublicKeys:0:PublicKey"] = gateway.PublicKey;
        values["AlipayHk:ImmediateRetries"] = "0";

        // The clock does not advance, so the signatures that the pool has accrued must cover a whole pack.
        values["Signing:SignaturesPerSecond"] = "2000";
        settings?.Invoke(values);

        TestHost? host = null;
        container.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Information).AddProvider(new Logs(line => host!.Logged.Enqueue(line))));
        container.AddKeyedSingleton<TimeProvider>(Clocks.Wall, time);
        container.AddKeyedSingleton<TimeProvider>(Clocks.Store, time);
        container.TryAddSingleton<IPlanFiles>(_ => new FolderPlanFiles(plans.FullName));
        container.TryAddSingleton<ISyncLedger>(new MemoryLedger(time));
        container.TryAddSingleton<ILaneProgressStore>(new MemoryLaneProgressStore());
        container.TryAddSingleton<ISendStateStore>(new MemorySendStateStore(time));
        container.TryAddSingleton<ITrendStore>(new MemoryTrendStore());
        container.TryAddSingleton<IResyncStore>(new MemoryResyncStore());
        container.AddSingleton<ServiceBusClient>(new RecordingServiceBus());
        container.AddSingleton<JitterSource>(new FixedJitter());
        container.AddSingleton<Func<Uri, CryptographyClient>>(keyId => host!.Vault.GetOrAdd(keyId, id => new RecordingVaultKey(id, OurKey)));
        await container.AddFunctionsHostAsync(new ConfigurationBuilder().AddInMemoryCollection(values).Build(), CancellationToken.None);
        host = new TestHost(gateway, container.BuildServiceProvider(new ServiceProviderOptions { ValidateScopes = true, ValidateOnBuild = true }), time, plans);
        host.Services.GetRequiredService<SignerPool>();
        time.Advance(TimeSpan.FromSeconds(1));
        return host;
    }

    /// <summary>The required settings, in configuration notation.</summary>
    public static Dictionary<string, string?> Settings() => new()
    {
        ["AlipayHk:BaseAddress"] = "https://gateway.example",
        ["AlipayHk:ClientId"] = ClientId,
        ["AlipayHk:PublicKeys:0:KeyVersion"] = "1",
        ["AlipayHk:PublicKeys:0:PublicKey"] = Convert.ToBase64String(AlipayHkKey.ExportSubjectPublicKeyInfo()),
        ["Signing:Keys:0:KeyId"] = KeyId,
        ["Signing:Keys:0:KeyVersion"] = "7",
        ["Ledger:TableEndpoint"] = "https://account.table.core.windows.net",
        ["ContentQueue"] = "content",
        ["ResyncQueue"] = "content-resync",
        ["ServiceBus:fullyQualifiedNamespace"] = "namespace.servicebus.windows.net",
        ["ResyncSchedule"] = "0 0 19 * * *",
        ["SweepSchedule"] = "0 */5 * * * *",
        ["Resync:StateContainerUri"] = "https://account.blob.core.windows.net/resync",
    };

    /// <summary>Creates an instance of a function class the way the worker does.</summary>
    public T Function<T>() => ActivatorUtilities.CreateInstance<T>(Services);

    /// <summary>An item as a caller sends it.</summary>
    public static string Item(string contentId, string name = "凍檸茶", string extra = "") =>
        $$"""{"contentId":"{{contentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"{{name}}"}{{extra}}}""";

    /// <summary>An item that the simulated AlipayHK rejects permanently.</summary>
    public static string RiskyItem(string contentId) => Item(contentId, "guaranteed profit");

    /// <summary>Delivers a message to the function of the content queue and returns its settlement.</summary>
    public async Task<RecordingMessageActions> DeliverAsync(
        string body,
        Dictionary<string, object>? properties = null,
        string messageId = "message-1",
        string? contentType = null,
        RecordingMessageActions? actions = null,
        CancellationToken cancellationToken = default)
    {
        actions ??= new RecordingMessageActions();
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(
            body: BinaryData.FromString(body), messageId: messageId, contentType: contentType, properties: properties, enqueuedTime: Time.GetUtcNow());
        await Function<ProcessContentMessage>().RunAsync(message, actions, cancellationToken);
        return actions;
    }

    /// <summary>Delivers a message that the host sent, as the broker would when it is due.</summary>
    public Task<RecordingMessageActions> DeliverAsync(ServiceBusMessage sent) => DeliverAsync(
        sent.Body.ToString(), new Dictionary<string, object>(sent.ApplicationProperties), sent.MessageId!, sent.ContentType);

    /// <summary>Calls an HTTP function and returns its response.</summary>
    public async Task<(int Status, string Body, IHeaderDictionary Headers)> InvokeHttpAsync(
        string body, Func<HttpRequest, Task<IResult>> function, string contentType = "application/json", string? prefer = null)
    {
        await using var scope = Services.CreateAsyncScope();
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
        var bytes = Encoding.UTF8.GetBytes(body);
        context.Request.Method = "POST";
        context.Request.ContentType = contentType;
        context.Request.ContentLength = bytes.Length;
        context.Request.Body = new MemoryStream(bytes);
        if (prefer is not null) context.Request.Headers["Prefer"] = prefer;
        var written = new MemoryStream();
        context.Response.Body = written;
        var result = await function(context.Request);
        await result.ExecuteAsync(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(written.ToArray()), context.Response.Headers);
    }

    public async ValueTask DisposeAsync()
    {
        await Services.DisposeAsync();
        await Gateway.DisposeAsync();
        _plans.Delete(recursive: true);
    }

    private sealed class Logs(Action<string> write) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            write($"{logLevel} {eventId.Id} {formatter(state, exception)}{(exception is null ? "" : $" {exception}")}");

        public void Dispose()
        {
        }
    }
}
