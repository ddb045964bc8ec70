using System.Collections.Concurrent;
using Azure.Core;
using Azure.Messaging.ServiceBus;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Diagnostics.Trends;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Signing;
using ContentSync.Tests.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests.ServiceBus;

/// <summary>
/// One process of the app: the composition root with the real Service Bus client, and one processor per queue trigger, as in the Functions host.
/// When a function fails, the processor abandons the message.
/// </summary>
internal sealed class AppProcess : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly ServiceBusProcessor _content;
    private readonly ServiceBusSessionProcessor _resync;

    private AppProcess(ServiceProvider services, Action<ServiceBusSessionProcessorOptions>? sessions)
    {
        _services = services;
        Client = services.GetRequiredService<ServiceBusClient>();
        _content = Client.CreateProcessor(ServiceBusWorld.ContentQueue, HostJson.Processor());
        _content.ProcessErrorAsync += OnError;
        _content.ProcessMessageAsync += e => RunAsync(
            () => Function<ProcessContentMessage>().RunAsync(e.Message, ForwardingMessageActions.To(e), e.CancellationToken), e.Message);

        var options = HostJson.SessionProcessor();
        sessions?.Invoke(options);
        _resync = Client.CreateSessionProcessor(ServiceBusWorld.ResyncQueue, options);
        _resync.ProcessErrorAsync += OnError;
        _resync.ProcessMessageAsync += e => RunAsync(
            () => Function<ProcessResyncPack>().RunAsync(e.Message, ForwardingMessageActions.To(e), e.CancellationToken), e.Message);
    }

    public ServiceBusClient Client { get; }

    /// <summary>MessageIds in delivery order.</summary>
    public ConcurrentQueue<string> Delivered { get; } = new();

    /// <summary>Exceptions that functions threw.</summary>
    public ConcurrentQueue<Exception> Failures { get; } = new();

    /// <summary>Errors that the processors reported, including failures of functions.</summary>
    public ConcurrentQueue<ProcessErrorEventArgs> Errors { get; } = new();

    public static async Task<AppProcess> StartAsync(
        ServiceBusWorld world, Dictionary<string, string?> settings, Action<ServiceBusSessionProcessorOptions>? sessions)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        services.AddSingleton<ISyncLedger>(world.Ledger);
        services.AddSingleton<ILaneProgressStore>(world.LaneProgress);
        services.AddSingleton<ISendStateStore>(world.SendState);
        services.AddSingleton<ITrendStore>(new MemoryTrendStore());
        services.AddSingleton<IResyncStore>(world.ResyncStore);
        services.AddSingleton(world.Connect());
        services.AddSingleton<IRequestSigner>(new RsaRequestSigner(Copy(world), ServiceBusWorld.KeyVersion));
        services.AddSingleton<JitterSource>(new FixedJitter());
        services.AddSingleton<TokenCredential>(new NoCredential());
        await services.AddFunctionsHostAsync(Configuration(world, settings), CancellationToken.None);
        var process = new AppProcess(services.BuildServiceProvider(), sessions);
        await process._content.StartProcessingAsync();
        await process._resync.StartProcessingAsync();
        return process;
    }

    public T Service<T>()
        where T : notnull => _services.GetRequiredService<T>();

    /// <summary>Creates an instance of a function's class, as the worker does.</summary>
    public T Function<T>() => ActivatorUtilities.CreateInstance<T>(_services);

    /// <summary>Stops as a host does on shutdown: receives no new messages and cancels running functions.</summary>
    public async Task StopAsync()
    {
        await _content.CloseAsync();
        await _resync.CloseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _content.DisposeAsync();
        await _resync.DisposeAsync();
        await _services.DisposeAsync();
    }

    private static System.Security.Cryptography.RSA Copy(ServiceBusWorld world) =>
        System.Security.Cryptography.RSA.Create(world.Key.ExportParameters(includePrivateParameters: true));

    private static IConfigurationRoot Configuration(ServiceBusWorld world, Dictionary<string, string?> settings)
    {
        var values = new Dictionary<string, string?>
        {
            ["AlipayHk:BaseAddress"] = world.Gateway.Address.AbsoluteUri,
            ["AlipayHk:ClientId"] = ServiceBusWorld.ClientId,
            ["AlipayHk:PublicKeys:0:KeyVersion"] = world.Gateway.KeyVersion,
            ["AlipayHk:PublicKeys:0:PublicKey"] = world.Gateway.PublicKey,
            ["AlipayHk:ImmediateRetries"] = "0",
            ["Signing:Keys:0:KeyId"] = "https://vault.example/keys/signing/0123456789abcdef0123456789abcdef",
            ["Signing:Keys:0:KeyVersion"] = ServiceBusWorld.KeyVersion,
            ["Ledger:TableEndpoint"] = "https://account.table.core.windows.net",
            ["ContentQueue"] = ServiceBusWorld.ContentQueue,
            ["ResyncQueue"] = ServiceBusWorld.ResyncQueue,
            ["ServiceBus"] = world.ConnectionString,
            ["ResyncSchedule"] = "0 0 19 * * *",
            ["SweepSchedule"] = "0 */5 * * * *",
            ["Resync:StateContainerUri"] = "https://account.blob.core.windows.net/resync",
            ["Resync:SendsPerSecond"] = "0",
        };
        return new ConfigurationBuilder().AddInMemoryCollection(values).AddInMemoryCollection(settings).Build();
    }

    private Task OnError(ProcessErrorEventArgs e)
    {
        Errors.Enqueue(e);
        return Task.CompletedTask;
    }

    private async Task RunAsync(Func<Task> function, ServiceBusReceivedMessage message)
    {
        Delivered.Enqueue(message.MessageId);
        try
        {
            await function();
        }
        catch (Exception e)
        {
            Failures.Enqueue(e);
            throw;
        }
    }

    /// <summary>These tests never request a token.</summary>
    private sealed class NoCredential : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException("These tests have no tokens.");

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            ValueTask.FromException<AccessToken>(new NotSupportedException("These tests have no tokens."));
    }
}
