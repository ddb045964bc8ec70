using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Diagnostics.Trends;
using ContentSync.Http;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Notifications;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Signing;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync;

/// <summary>The composition root: the hosts, tests, benchmarks and the simulation build the pipeline here and add only their edges.</summary>
public static class ContentSyncServices
{
    /// <summary>
    /// Registers the pipeline, resyncs and the HTTP handlers as singletons. A service that is registered already stays, so a host
    /// registers its edges first.
    /// </summary>
    /// <remarks>
    /// A host brings <see cref="ISyncLedger"/>, <see cref="ISyncQueue"/>, <see cref="IRequestSigner"/>, <see cref="IResyncStore"/>,
    /// <see cref="IPackLanes"/>, <see cref="IResyncScheduler"/> and <see cref="ResyncSources"/>, <see cref="ISendStateStore"/> if several
    /// processes share the send budget, and <see cref="ITrendStore"/> for trends. It may replace every other service, above all
    /// <see cref="ILedgerScan"/>, <see cref="IMappingStore"/>, <see cref="AlipayHkTransport"/>, <see cref="AlipayHkKeys"/>,
    /// <see cref="RequestIdSource"/>, <see cref="JitterSource"/>, the loggers and the two <see cref="Clocks"/>.
    /// </remarks>
    /// <param name="services">Receives the services.</param>
    /// <param name="options">Checked with <see cref="ContentSyncOptions.Faults"/>; read once.</param>
    /// <param name="schemas">JSON Schemas by content type; null for none.</param>
    public static IServiceCollection AddContentSync(
        this IServiceCollection services, ContentSyncOptions options, ContentSchemas? schemas = null)
    {
        services.AddClocks();
        services.TryAddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        services.TryAddSingleton(typeof(ILogger<>), typeof(Logger<>));
        AddOptions(services, options);
        AddPipeline(services, schemas);
        AddResync(services, options);
        AddNotifications(services);
        return services.AddApiHandlers();
    }

    /// <summary>
    /// Registers lanes on a broker's sessions. The host brings <see cref="IResyncQueue"/> and <see cref="ILaneProgressStore"/>.
    /// </summary>
    public static IServiceCollection AddBrokerLanes(this IServiceCollection services)
    {
        services.TryAddSingleton<IPackLanes, BrokerLanes>();
        services.TryAddSingleton<IResyncScheduler, BrokerResyncScheduler>();
        services.TryAddSingleton<ResyncMessageProcessor>();
        return services;
    }

    private static void AddOptions(IServiceCollection services, ContentSyncOptions options)
    {
        services.TryAddSingleton(options.AlipayHk);
        services.TryAddSingleton(options.Content);
        services.TryAddSingleton(options.Recoverability);
        services.TryAddSingleton(options.Resync);
        services.TryAddSingleton(options.Retention);
        services.TryAddSingleton(options.Replay);
        services.TryAddSingleton(options.Api);
        services.TryAddSingleton(options.Webhook);
        services.TryAddSingleton(options.Notifications);
    }

    private static void AddPipeline(IServiceCollection services, ContentSchemas? schemas)
    {
        services.TryAddSingleton(provider => new ContentReader(
            provider.GetRequiredService<ContentOptions>(), provider.StoreClock(), schemas));
        services.TryAddSingleton(provider => new EventReader(
            provider.GetRequiredService<ContentReader>(), provider.StoreClock()));
        services.TryAddSingleton<IMappingStore>(_ => new NoMappings("this host, which has no folder of mappings"));
        services.TryAddSingleton<MappingCache>();
        services.TryAddSingleton<MappedItemReader>();
        services.TryAddSingleton<RequestIdSource>();
        services.TryAddSingleton<JitterSource>();
        services.TryAddSingleton(provider => new AlipayHkKeys(provider.GetRequiredService<AlipayHkOptions>()));
        services.TryAddSingleton(provider => new TrendRecorder(
            provider.GetService<ITrendStore>(),
            provider.WallClock(),
            provider.GetRequiredService<RequestIdSource>().Create(),
            provider.GetRequiredService<ILogger<TrendRecorder>>()));
        services.TryAddSingleton<TrendReader>();
        services.TryAddSingleton<SendSwitch>();
        services.TryAddSingleton(Budget);
        services.TryAddSingleton(provider => AlipayHkTransport.Open(
            provider.GetRequiredService<AlipayHkOptions>(), provider.WallClock(), provider.GetRequiredService<TrendRecorder>()));
        services.TryAddSingleton(provider => AlipayHkClient.Create(
            provider.GetRequiredService<AlipayHkOptions>(),
            provider.GetRequiredService<IRequestSigner>(),
            provider.WallClock(),
            provider.GetRequiredService<ILoggerFactory>(),
            provider.GetRequiredService<AlipayHkTransport>().Handler,
            provider.GetRequiredService<RequestIdSource>(),
            provider.GetRequiredService<JitterSource>(),
            provider.GetRequiredService<AlipayHkKeys>(),
            provider.GetRequiredService<SendBudget>(),
            provider.GetRequiredService<TrendRecorder>()));
        // Both ledgers import; a host registers only one service for its ledger.
        services.TryAddSingleton(provider => (ILedgerImport)provider.GetRequiredService<ISyncLedger>());
        services.TryAddSingleton<CircuitBreaker>();
        services.TryAddSingleton<SharedCircuitBreaker>();
        services.TryAddSingleton<ItemAlerts>();
        services.TryAddSingleton<ContentSynchronizer>();
        services.TryAddSingleton<RefusedVersions>();
        services.TryAddSingleton<ContentMessageReader>();
        services.TryAddSingleton<ContentMessageProcessor>();
        services.TryAddSingleton<PendingSweep>();
        services.TryAddSingleton<ParkedReplay>();
    }

    private static SendBudget Budget(IServiceProvider provider)
    {
        var options = new SendBudgetOptions(
            provider.GetRequiredService<AlipayHkOptions>().MaxSendsPerSecond, provider.GetRequiredService<ResyncOptions>().ReservedShare);
        var pool = new Lazy<SignerPool?>(provider.GetService<SignerPool>);
        return provider.GetService<ISendStateStore>() is { } store
            ? new SendBudget(
                options,
                store,
                provider.WallClock(),
                provider.GetRequiredService<RequestIdSource>().Create(),
                provider.GetRequiredService<JitterSource>().Draw,
                provider.GetRequiredService<ILogger<SendBudget>>(),
                provider.GetRequiredService<SendSwitch>(),
                Vaults,
                provider.GetRequiredService<TrendRecorder>())
            : SendBudget.Whole(options, provider.WallClock());

        // Resolved late, because the pool asks the budget for its share.
        IReadOnlyList<VaultStatus> Vaults()
        {
            try
            {
                return pool.Value?.Status ?? [];
            }
            catch (ObjectDisposedException)
            {
                // The host stops.
                return [];
            }
        }
    }

    private static void AddNotifications(IServiceCollection services)
    {
        services.TryAddSingleton(_ => NotificationTransport.Open());
        services.TryAddSingleton<NotificationSender>();
        services.TryAddSingleton<NotificationOutbox>();
        services.TryAddSingleton<NotificationLoop>();
    }

    private static void AddResync(IServiceCollection services, ContentSyncOptions options)
    {
        var planFolder = options.PlanFolder ?? Path.Combine(Path.GetTempPath(), "contentsync-plans");
        services.TryAddSingleton<ILedgerScan, RecordScan>();
        services.TryAddSingleton<CatalogReader>();
        services.TryAddSingleton<IPlanFiles>(_ => new FolderPlanFiles(planFolder));
        services.TryAddSingleton<CatalogPlanner>();
        services.TryAddSingleton<ICatalogPlanner>(provider => provider.GetRequiredService<CatalogPlanner>());
        services.TryAddSingleton<ResendPlanner>();
        services.TryAddSingleton<ResyncPages>();
        services.TryAddSingleton<BulkRateLimiter>();
        services.TryAddSingleton<PackSender>();
        services.TryAddSingleton<ResyncRunner>();
        services.TryAddSingleton<ResyncRuns>();
    }
}
