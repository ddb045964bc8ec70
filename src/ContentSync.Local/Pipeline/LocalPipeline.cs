using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Diagnostics.Trends;
using ContentSync.Http;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Signing;
using ContentSync.Simulator;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// The whole pipeline on one machine: SQLite ledger, PEM key, in-process queue, and a simulated AlipayHK unless another gateway is configured.
/// </summary>
public sealed class LocalPipeline : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _owned;
    private readonly ServiceProvider _services;
    private readonly LocalWork _work;

    private LocalPipeline(List<IAsyncDisposable> owned, ServiceProvider services)
    {
        _owned = owned;
        _services = services;
        Ledger = services.GetRequiredService<ISyncLedger>();
        Synchronizer = services.GetRequiredService<ContentSynchronizer>();
        RefusedVersions = services.GetRequiredService<RefusedVersions>();
        CircuitBreaker = services.GetRequiredService<CircuitBreaker>();
        Queue = services.GetRequiredService<InProcessQueue>();
        ContentOptions = services.GetRequiredService<ContentOptions>();
        Reader = services.GetRequiredService<ContentReader>();
        AlipayHk = services.GetRequiredService<AlipayHkOptions>();
        Resync = services.GetRequiredService<LocalResync>();
        Runs = services.GetRequiredService<ResyncRuns>();
        Calls = services.GetRequiredService<CallCounter>();
        _work = services.GetRequiredService<LocalWork>();
        _work.Start();
    }

    /// <summary>The pipeline's parts and the handlers of the API.</summary>
    public IServiceProvider Services => _services;

    public ISyncLedger Ledger { get; }

    public ContentSynchronizer Synchronizer { get; }

    public RefusedVersions RefusedVersions { get; }

    public CircuitBreaker CircuitBreaker { get; }

    public InProcessQueue Queue { get; }

    public ContentOptions ContentOptions { get; }

    public ContentReader Reader { get; }

    /// <summary>Connection to AlipayHK.</summary>
    public AlipayHkOptions AlipayHk { get; }

    /// <summary>Resyncs of the configured catalog and of the ledger.</summary>
    public LocalResync Resync { get; }

    /// <summary>For the API and the board.</summary>
    public ResyncRuns Runs { get; }

    /// <summary>The simulated AlipayHK; null when another gateway is configured.</summary>
    public required SimulatedGateway? Gateway { get; init; }

    /// <summary>Address that requests go to.</summary>
    public required Uri GatewayAddress { get; init; }

    /// <summary>What the user should know about the data folder; null for nothing.</summary>
    public required string? Warning { get; init; }

    /// <summary>Signatures and requests since the start.</summary>
    public CallCounter Calls { get; }

    /// <summary>
    /// Opens the data folder, starts the simulated AlipayHK if one is needed, and resumes the items that an earlier run left pending.
    /// </summary>
    /// <exception cref="CommandException">A file, key, folder or setting is unusable.</exception>
    public static async Task<LocalPipeline> OpenAsync(
        LocalOptions options, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var data = DataDirectory.Open(options.Data);
        var settings = LocalSettings.Read(data, options);
        var owned = new List<IAsyncDisposable>();
        try
        {
            var clock = new StoreClock(time);
            var ledger = await OpenLedgerAsync(data, settings.Recoverability.LateEffectWindow, clock, cancellationToken).ConfigureAwait(false);
            owned.Add(ledger);
            var gateway = options.Gateway is null
                ? await SimulatedGatewayStartup
                    .StartAsync(data, options.ClientId, settings.Content.ContentTypes, port: 0, options.Faults, time, cancellationToken)
                    .ConfigureAwait(false)
                : null;
            if (gateway is not null) owned.Add(gateway);

            settings.AlipayHk.BaseAddress = options.Gateway ?? gateway!.Address;
            var schemas = await ContentSchemas.LoadAsync(settings.Content, cancellationToken).ConfigureAwait(false);
            var services = Edges(data, options, settings.AlipayHk, time, clock, loggers)
                .AddSingleton<ISyncLedger>(ledger)
                .AddSingleton<ILedgerMaintenance>(
                    new SqliteLedgerMaintenance(ledger, new SqliteLedgerOptions(data.LedgerFile), settings.Retention, clock))
                .AddContentSync(settings, schemas);
            var provider = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true });
            owned.Add(provider);

            // Only the owner of the ledger sends, so no other process does any more.
            await provider.GetRequiredService<SendSwitch>().TakeOverAsync(cancellationToken).ConfigureAwait(false);
            return new LocalPipeline(owned, provider)
            {
                Gateway = gateway,
                GatewayAddress = settings.AlipayHk.BaseAddress,
                Warning = data.Warning,
            };
        }
        catch (Exception e)
        {
            for (var i = owned.Count - 1; i >= 0; i--) await owned[i].DisposeAsync().ConfigureAwait(false);
            if (e is ContentSchemaException or RsaKeyTextException or LedgerUnavailableException or SendStateUnavailableException)
                throw new CommandException(e.Message, e);
            throw;
        }
    }

    /// <summary>Lets items in flight finish; the others stay pending for the next run.</summary>
    public async ValueTask DisposeAsync()
    {
        await _work.StopAsync().ConfigureAwait(false);
        for (var i = _owned.Count - 1; i >= 0; i--) await _owned[i].DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<SqliteLedger> OpenLedgerAsync(
        DataDirectory data, TimeSpan lateEffectWindow, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            var options = new SqliteLedgerOptions(data.LedgerFile) { LateEffectWindow = lateEffectWindow };
            return await SqliteLedger.OpenAsync(options, time, cancellationToken).ConfigureAwait(false);
        }
        catch (DataInUseException e)
        {
            throw new CommandException(e.Message, e);
        }
    }

    /// <summary>What differs from the cloud: the key, the queue, the lanes, the run files and the catalog.</summary>
    private static ResyncSources Sources(LocalOptions options)
    {
        ICatalogSource? catalog = options.Catalog is { } file ? new FileCatalogSource(file) : null;
        return new ResyncSources(catalog is not null && options.CatalogMapping is { } mapping ? new MappedCatalogSource(catalog, mapping) : catalog);
    }

    private static IServiceCollection Edges(
        DataDirectory data,
        LocalOptions options,
        AlipayHkOptions alipayHk,
        TimeProvider time,
        StoreClock storeClock,
        ILoggerFactory loggers)
    {
        var calls = new CallCounter();
        var services = new ServiceCollection()
            .AddSingleton(loggers)
            .AddSingleton(calls)
            .AddKeyedSingleton(Clocks.Wall, time)
            .AddKeyedSingleton<TimeProvider>(Clocks.Store, storeClock)
            .AddSingleton(calls.Counting(ReadSigner(data, options)))
            .AddSingleton(provider =>
                new AlipayHkTransport(calls.Counting(AlipayHkTransport.Open(
                    alipayHk, provider.WallClock(), provider.GetRequiredService<TrendRecorder>()).Handler)))
            .AddSingleton<ISendStateStore>(new SqliteSendStateStore(data.SendStateFile, time))
            .AddSingleton<ITrendStore>(new SqliteTrendStore(data.SendStateFile))
            .AddSingleton(new LedgerBytes(() => DataDirectory.LedgerBytes(data.FullName)))
            .AddSingleton<ILedgerScan>(new SqliteLedgerScan(new SqliteLedgerOptions(data.LedgerFile)));
        return services
            .AddLocalWork(new LocalWorkOptions { Workers = options.Workers })
            .AddSingleton<IResyncStore>(OpenStore(data.ResyncFolder))
            .AddSingleton(Sources(options))
            .AddSingleton<IMappingStore>(options.Mappings is { } folder
                ? new FolderMappings(folder)
                : new NoMappings("any folder: start the host with --mappings FOLDER"));
    }

    private static FileResyncStore OpenStore(string folder)
    {
        try
        {
            return FileResyncStore.Open(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The resync folder '{folder}' cannot be used: {e.Message}", e);
        }
    }

    private static RsaRequestSigner ReadSigner(DataDirectory data, LocalOptions options)
    {
        var keyFile = options.KeyFile ?? data.PrivateKeyFile;
        return RsaRequestSigner.FromKeyText(LocalSettings.ReadKey(keyFile, "--key"), options.KeyVersion, $"The key file '{keyFile}'");
    }
}
