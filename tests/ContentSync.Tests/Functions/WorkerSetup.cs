using System.Security.Cryptography;
using System.Text.Json;
using Azure.Messaging.ServiceBus;
using ContentSync.Content;
using ContentSync.Simulator;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Sqlite;
using ContentSync.WorkerHost;

namespace ContentSync.Tests.Functions;

/// <summary>
/// The environment of a real worker process: the simulator, Azurite, a key, and the sample settings completed with their addresses.
/// </summary>
internal sealed class WorkerSetup : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();

    private WorkerSetup(SimulatedGateway gateway) => Gateway = gateway;

    public SimulatedGateway Gateway { get; }

    /// <summary>The environment variables of the worker.</summary>
    public Dictionary<string, string> Settings { get; } = Sample();

    /// <exception cref="SkipException">Azurite is not available.</exception>
    public static async Task<WorkerSetup> StartAsync(AzuriteStorage azurite)
    {
        var (tables, container) = azurite.Developer();
        using var key = RSA.Create(2048);
        var gateway = await SimulatedGateway.StartAsync(
            new SimulatedGatewayOptions
            {
                ClientId = TestHost.ClientId,
                ContentTypes = [.. new ContentOptions().ContentTypes],
                CallerKeys = [new RegisteredKey("1", key.ExportSubjectPublicKeyInfoPem())],
            },
            TimeProvider.System,
            null,
            CancellationToken.None);
        var setup = new WorkerSetup(gateway);
        var pem = setup._folder.File("key.pem");
        await File.WriteAllTextAsync(pem, key.ExportPkcs8PrivateKeyPem());
        setup.Settings["KEY_VAULT_KEYS_DOUBLE_PEM"] = pem;
        setup.Settings["AlipayHk__BaseAddress"] = gateway.Address.AbsoluteUri;
        setup.Settings["AlipayHk__ClientId"] = TestHost.ClientId;
        setup.Settings["AlipayHk__PublicKeys__0__PublicKey"] = gateway.PublicKey;
        setup.Settings["Ledger__TableEndpoint"] = tables.AbsoluteUri;
        setup.Settings["Ledger__TableName"] = "t" + container.Segments[^1];
        setup.Settings["Resync__LaneTableName"] = "l" + container.Segments[^1];
        setup.Settings["Recoverability__LateEffectWindow"] = "00:00:00";
        setup.Settings["Catalog__ContainerUri"] = container.AbsoluteUri + "-catalog";
        setup.Settings["Resync__StateContainerUri"] = container.AbsoluteUri;
        return setup;
    }

    /// <summary>A worker with all its functions loaded.</summary>
    public async Task<FunctionsTestHost> LoadAsync()
    {
        var host = await FunctionsTestHost.StartAsync(FunctionsApp.Folder, Settings);
        try
        {
            await host.LoadAsync(FunctionsApp.Folder, CancellationToken.None);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public static ServiceBusMessage Message(string body) => new(body) { MessageId = Guid.NewGuid().ToString() };

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>The values of local.settings.sample.json, which Core Tools pass to a worker as environment variables.</summary>
    public static Dictionary<string, string> Sample()
    {
        using var sample = JsonDocument.Parse(FunctionsApp.Read("local.settings.sample.json"));
        return sample.RootElement.GetProperty("Values").EnumerateObject()
            .ToDictionary(value => value.Name, value => value.Value.GetString()!, StringComparer.Ordinal);
    }
}
