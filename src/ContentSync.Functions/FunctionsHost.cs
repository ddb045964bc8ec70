using Azure.Core;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Security.KeyVault.Keys.Cryptography;
using Azure.Storage.Blobs;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Diagnostics.Trends;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Signing;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>The host's composition root.</summary>
public static class FunctionsHost
{
    /// <summary>
    /// Registers everything that the functions need. Services that are already registered stay, so that tests can replace calls to other systems.
    /// </summary>
    /// <param name="services">The services of the worker or of a test.</param>
    /// <param name="configuration">The app settings.</param>
    /// <param name="cancellationToken">Cancels reading the JSON Schemas.</param>
    /// <exception cref="InvalidSettingsException">Settings are missing or wrong; the message lists all of them.</exception>
    /// <exception cref="ContentSchemaException">A JSON Schema of <c>Content__SchemaDirectory</c> cannot be used.</exception>
    public static async Task<IServiceCollection> AddFunctionsHostAsync(
        this IServiceCollection services, IConfiguration configuration, CancellationToken cancellationToken)
    {
        var settings = HostSettings.Read(configuration);
        var schemas = await ContentSchemas.LoadAsync(settings.Content, cancellationToken).ConfigureAwait(false);
        services.AddClocks();
        services.TryAddSingleton(settings.Identity.CreateCredential());
        AddEdges(services, settings);
        services.TryAddSingleton<InvocationTracker>();
        services.TryAddSingleton<MessageSettler>();
        services.TryAddSingleton<ApiFunctions>();
        return services.AddContentSync(settings.Options, schemas);
    }

    /// <summary>Registers the clients of other systems.</summary>
    private static void AddEdges(IServiceCollection services, HostSettings settings)
    {
        services.TryAddSingleton(settings);
        services.TryAddSingleton(provider => Table(provider, settings.Ledger.TableName));
        services.TryAddSingleton<ISyncLedger>(provider => new TableLedger(
            provider.GetRequiredService<TableClient>(), provider.StoreClock(), indexStep: settings.Ledger.IndexStep));
        services.TryAddSingleton<ILedgerScan>(provider => provider.GetRequiredService<ISyncLedger>() is TableLedger
            ? new TableLedgerScan(provider.GetRequiredService<TableClient>())
            : new RecordScan(provider.GetRequiredService<ISyncLedger>()));
        services.TryAddSingleton<ILaneProgressStore>(provider => new TableLaneProgressStore(Table(provider, settings.ResyncState.LaneTableName)));
        services.TryAddSingleton<ISendStateStore>(provider => new TableSendStateStore(
            Table(provider, settings.ResyncState.LaneTableName), provider.WallClock()));
        services.TryAddSingleton<ITrendStore>(provider => new TableTrendStore(Table(provider, settings.ResyncState.LaneTableName)));
        services.TryAddSingleton<IPlanFiles>(provider => new BlobPlanFiles(Container(provider, settings.ResyncState.StateContainerUri!)));
        services.TryAddSingleton<IResyncStore>(provider => new BlobResyncStore(Container(provider, settings.ResyncState.StateContainerUri!)));
        services.TryAddSingleton<IMappingStore>(provider => settings.Catalog.ContainerUri is { } container
            ? new BlobMappings(Container(provider, container))
            : new NoMappings($"this app, which has no container for them ({CatalogOptions.Section}__{nameof(CatalogOptions.ContainerUri)})"));
        services.TryAddSingleton(provider => new ResyncSources(settings.Catalog.ContainerUri is { } catalog
            ? new NamedMappingSource(
                new BlobCatalogSource(Container(provider, catalog), settings.Catalog.Prefix),
                provider.GetRequiredService<MappingCache>())
            : null));
        services.AddHostedService<SettingWarnings>();
        services.AddHostedService<StorageInitializer>();
        services.AddHostedService<WebhookSecretCheck>();
        services.AddHostedService<NotificationService>();

        services.TryAddSingleton(provider => settings.ServiceBus.EmulatorConnectionString is { Length: > 0 } emulator
            ? new ServiceBusClient(emulator)
            : new ServiceBusClient(settings.ServiceBus.FullyQualifiedNamespace, provider.GetRequiredService<TokenCredential>()));
        services.TryAddSingleton(provider => new ServiceBusQueues(
            provider.GetRequiredService<ServiceBusClient>().CreateSender(settings.Queues.Content),
            provider.GetRequiredService<ServiceBusClient>().CreateSender(settings.Queues.Resync),
            provider.StoreClock()));
        services.TryAddSingleton<ISyncQueue>(provider => provider.GetRequiredService<ServiceBusQueues>());
        services.TryAddSingleton<IResyncQueue>(provider => provider.GetRequiredService<ServiceBusQueues>());
        services.TryAddSingleton<IDeadLetters>(provider => new ServiceBusDeadLetters(
            provider.GetRequiredService<ServiceBusClient>(),
            settings.Queues,
            provider.StoreClock(),
            provider.GetRequiredService<ILogger<ServiceBusDeadLetters>>()));
        services.AddBrokerLanes();

        services.TryAddSingleton<Func<Uri, CryptographyClient>>(provider => keyId =>
            KeyVaultSigner.Connect(keyId, provider.GetRequiredService<TokenCredential>(), settings.Signing));
        services.TryAddSingleton(provider => KeyVaultSigner.Pool(
            settings.Signing,
            provider.GetRequiredService<Func<Uri, CryptographyClient>>(),
            () => provider.GetRequiredService<SendBudget>().Share,
            provider.WallClock()));
        services.TryAddSingleton<IRequestSigner>(provider => new TimeoutSigner(
            provider.GetRequiredService<SignerPool>(), KeyVaultSigner.FirstCallFactor * settings.Signing.NetworkTimeout, provider.WallClock()));
    }

    private static TableClient Table(IServiceProvider services, string name)
    {
        var endpoint = services.GetRequiredService<HostSettings>().Ledger.TableEndpoint!;
        return StorageInitializer.Table(endpoint, name, services.GetRequiredService<TokenCredential>(), services.StoreClock());
    }

    private static BlobContainerClient Container(IServiceProvider services, Uri container) =>
        StorageInitializer.Container(container, services.GetRequiredService<TokenCredential>(), services.StoreClock());
}
