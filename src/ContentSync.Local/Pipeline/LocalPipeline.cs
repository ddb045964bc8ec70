using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Signing;
using ContentSync.Simulator;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// The whole pipeline on one machine: SQLite ledger, PEM key, in-process queue, and a simulated AlipayHK unless another gateway is configured.
/// </summary>
public sealed class LocalPipeline : IAsyncDisposable
{
    /// <summary>Items of one lane on a page of a resync, when the rate is unlimited.</summary>
    public const int ItemsPerPack = 200;

    /// <summary>How long items in flight may take to finish when the pipeline stops.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How often overdue items that are not on the queue are looked for.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(15);

    private readonly List<IAsyncDisposable> _owned = [];
    private readonly CancellationTokenSource _stopping = new();
    private Task _sweeping = Task.CompletedTask;

    private LocalPipeline()
    {
    }

    public required ISyncLedger Ledger { get; init; }

    public required ContentSynchronizer Synchronizer { get; init; }

    public required CircuitBreaker CircuitBreaker { get; init; }

    public required InProcessQueue Queue { get; init; }

    public required ContentOptions ContentOptions { get; init; }

    public required ContentReader Reader { get; init; }

    /// <summary>Connection to AlipayHK.</summary>
    public required AlipayHkOptions AlipayHk { get; init; }

    /// <summary>Resyncs of the configured catalog and of the ledger.</summary>
    public required LocalResync Resync { get; init; }

    /// <summary>The simulated AlipayHK; null when another gateway is configured.</summary>
    public required SimulatedGateway? Gateway { get; init; }

    /// <summary>Address that requests go to.</summary>
    public required Uri GatewayAddress { get; init; }

    /// <summary>Signatures and requests since the start.</summary>
    public required CallCounter Calls { get; init; }

    /// <summary>Delays for interactive use; the library's defaults are hours.</summary>
    public static RecoverabilityOptions Recoverability { get; } = new()
    {
        BackOff =
        [
            TimeSpan.FromSeconds(1),
            TimeSpan.FromSeconds(2),
            TimeSpan.FromSeconds(5),
            TimeSpan.FromSeconds(10),
            TimeSpan.FromSeconds(20),
            TimeSpan.FromSeconds(40),
            TimeSpan.FromMinutes(2),
        ],
        ProbeInterval = TimeSpan.FromSeconds(5),
        SigningRetryDelay = TimeSpan.FromSeconds(1),
        LateEffectWindow = TimeSpan.FromSeconds(2),
    };

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
            // Due times and leases use a clock that never jumps; timestamps sent to AlipayHK use the wall clock.
            var clock = new StoreClock(time);
            var ledger = await OpenLedgerAsync(data, clock, cancellationToken).ConfigureAwait(false);
            owned.Add(ledger);
            var gateway = options.Gateway is null
                ? await SimulatedGatewayStartup
                    .StartAsync(data, options.ClientId, settings.Content.ContentTypes, port: 0, options.Faults, time, cancellationToken)
                    .ConfigureAwait(false)
                : null;
            if (gateway is not null) owned.Add(gateway);

            var contentOptions = settings.Content;
            var schemas = await ContentSchemas.LoadAsync(contentOptions, cancellationToken).ConfigureAwait(false);
            var calls = new CallCounter();
            var address = options.Gateway ?? gateway!.Address;
            var alipayHk = settings.AlipayHk;
            alipayHk.BaseAddress = address;
            var client = CreateClient(data, options, alipayHk, calls, time, loggers);
            var breaker = new CircuitBreaker(Recoverability, clock);
            var random = new Random();
            var synchronizer = new ContentSynchronizer(
                ledger,
                client,
                breaker,
                new RequestIdSource(),
                Recoverability,
                () => NextJitter(random),
                clock,
                loggers.CreateLogger<ContentSynchronizer>());
            var queue = new InProcessQueue(synchronizer, options.Workers, clock, loggers.CreateLogger<InProcessQueue>());
            owned.Add(queue);
            var reader = new ContentReader(contentOptions, time, schemas);
            var catalog = options.Catalog is { } file ? new FileCatalogSource(file) : null;
            var parts = new LocalResyncParts(ledger, synchronizer, queue, reader, contentOptions);
            var pipeline = new LocalPipeline
            {
                Ledger = ledger,
                Synchronizer = synchronizer,
                CircuitBreaker = breaker,
                Queue = queue,
                Resync = LocalResync.Open(data, settings.Resync, catalog, parts, clock, loggers.CreateLogger<LocalResync>()),
                ContentOptions = contentOptions,
                Reader = reader,
                AlipayHk = alipayHk,
                Gateway = gateway,
                GatewayAddress = address,
                Calls = calls,
            };
            pipeline._owned.AddRange(owned);
            pipeline._sweeping = pipeline.SweepAsync(clock);
            return pipeline;
        }
        catch (Exception e)
        {
            for (var i = owned.Count - 1; i >= 0; i--) await owned[i].DisposeAsync().ConfigureAwait(false);
            if (e is ContentSchemaException or RsaKeyTextException or LedgerUnavailableException) throw new CommandException(e.Message, e);
            throw;
        }
    }

    /// <summary>Whether the ledger holds no items.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken) =>
        (await Ledger.PageAsync(new SyncRecordFilter(), null, 1, cancellationToken).ConfigureAwait(false)).Count == 0;

    /// <summary>Lets items in flight finish; the others stay pending for the next run.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Resync.DisposeAsync().ConfigureAwait(false);
        await _sweeping.ConfigureAwait(false);
        await Queue.StopAsync(StopTimeout).ConfigureAwait(false);
        for (var i = _owned.Count - 1; i >= 0; i--) await _owned[i].DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private static async Task<SqliteLedger> OpenLedgerAsync(DataDirectory data, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await SqliteLedger.OpenAsync(new SqliteLedgerOptions(data.LedgerFile), time, cancellationToken).ConfigureAwait(false);
        }
        catch (DataInUseException e)
        {
            throw new CommandException(e.Message, e);
        }
    }

    private static AlipayHkClient CreateClient(
        DataDirectory data, LocalOptions options, AlipayHkOptions alipayHk, CallCounter calls, TimeProvider time, ILoggerFactory loggers)
    {
        var keyFile = options.KeyFile ?? data.PrivateKeyFile;
        var signer = RsaRequestSigner.FromKeyText(LocalSettings.ReadKey(keyFile, "--key"), options.KeyVersion, $"The key file '{keyFile}'");
        return AlipayHkClient.Create(alipayHk, calls.Counting(signer), time, loggers, calls.Counting(AlipayHkSocket.Open(alipayHk)));
    }

    private static double NextJitter(Random random)
    {
        lock (random) return random.NextDouble();
    }

    private async Task SweepAsync(TimeProvider time)
    {
        var sweep = new PendingSweep(Ledger, Queue, CircuitBreaker, time);
        using var timer = new PeriodicTimer(SweepInterval, time);
        try
        {
            do
            {
                try
                {
                    await sweep.RunAsync(TimeSpan.Zero, _stopping.Token).ConfigureAwait(false);
                }
                catch (LedgerUnavailableException)
                {
                    // The next sweep retries; submitting an item reports the error meanwhile.
                }
            }
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }
}
