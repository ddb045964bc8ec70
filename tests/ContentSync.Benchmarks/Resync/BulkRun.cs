using System.Diagnostics;
using ContentSync.AlipayHk;
using ContentSync.Benchmarks.Ratios;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Signing;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Benchmarks.Resync;

/// <summary>A resync as the local host runs it, with a canned signature: first every item is new, then none differs.</summary>
internal sealed class BulkRun : IAsyncDisposable
{
    private readonly string _folder;
    private readonly CannedSigner _signer = new();
    private readonly CountedTelemetry _telemetry = new();
    private readonly NoSingles _singles = new();
    private readonly CountingSocket _socket;
    private readonly SqliteLedger _ledger;
    private readonly CountingLedger _counting;
    private readonly ServiceProvider _services;
    private readonly CatalogPlanner _planner;
    private readonly ResyncRunner _runner;
    private readonly FileCatalogSource _catalog;
    private readonly int _items;

    private BulkRun(AlipayHkOptions alipayHk, HttpMessageHandler socket, ResyncOptions options, int items, string folder, SqliteLedger ledger)
    {
        _items = items;
        _folder = folder;
        _ledger = ledger;
        _counting = new CountingLedger(ledger);
        _socket = new CountingSocket(socket);
        _services = new ServiceCollection()
            .AddSingleton<ILoggerFactory>(_telemetry)
            .AddSingleton<ISyncLedger>(_counting)
            .AddSingleton<ILedgerScan>(new SqliteLedgerScan(new SqliteLedgerOptions(Path.Combine(folder, "ledger.db"))))
            .AddSingleton<ISyncQueue>(_singles)
            .AddSingleton<IRequestSigner>(_signer)
            .AddSingleton(new AlipayHkTransport(_socket))
            .AddSingleton<IPackLanes, InProcessLanes>()
            .AddSingleton<IResyncStore>(FileResyncStore.Open(Path.Combine(folder, "resync")))
            .AddContentSync(new ContentSyncOptions { AlipayHk = alipayHk, Resync = options, PlanFolder = folder })
            .BuildServiceProvider();
        _planner = _services.GetRequiredService<CatalogPlanner>();
        _runner = _services.GetRequiredService<ResyncRunner>();
        _catalog = new FileCatalogSource(Path.Combine(folder, "catalog.ndjson"));
    }

    /// <summary>Bytes of logs and traces; see <see cref="CountedTelemetry"/>.</summary>
    public long TelemetryBytes => _telemetry.Bytes;

    /// <summary>Messages for items that left their packs.</summary>
    public long Singles => _singles.Messages;

    /// <summary>Bytes of the requests to AlipayHK and of its responses, headers and bodies.</summary>
    public long AlipayHkBytes => _socket.Bytes;

    public long Signatures => _signer.Calls;

    public long AlipayHkCalls => _socket.Calls;

    public long LedgerCalls => _counting.Calls;

    /// <param name="alipayHk">The receiver.</param>
    /// <param name="socket">How to reach it; the run disposes of it.</param>
    /// <param name="items">Number of items in the catalog.</param>
    /// <param name="resync">Lanes and packs.</param>
    public static async Task<BulkRun> StartAsync(AlipayHkOptions alipayHk, HttpMessageHandler socket, int items, ResyncOptions resync)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-benchmark-").FullName;
        var texts = new SampleItems();
        using (var catalog = File.Create(Path.Combine(folder, "catalog.ndjson"), 1 << 20))
        {
            for (var written = 0; written < items; written += 10_000)
            {
                foreach (var text in texts.Texts(Math.Min(10_000, items - written)))
                {
                    catalog.Write(text);
                    catalog.WriteByte((byte)'\n');
                }
            }
        }

        var ledgerOptions = new SqliteLedgerOptions(Path.Combine(folder, "ledger.db"));
        var ledger = await SqliteLedger.OpenAsync(ledgerOptions, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        return new BulkRun(alipayHk, socket, resync, items, folder, ledger);
    }

    /// <summary>Sends everything. Returns the run, how long the sending took, and its CPU time.</summary>
    public async Task<(ResyncRun Run, TimeSpan Elapsed, TimeSpan Processor)> DrainAsync()
    {
        long? began = null;
        var processor = TimeSpan.Zero;
        _runner.Progress += _ =>
        {
            if (began is not null) return;
            began = Stopwatch.GetTimestamp();
            processor = Environment.CpuUsage.TotalTime;
        };
        var run = await _runner.RunAsync(_catalog, new ResyncParameters(), CancellationToken.None).ConfigureAwait(false);
        var elapsed = Stopwatch.GetElapsedTime(began!.Value);
        if (run.Counts.Sent != _items) throw new InvalidOperationException($"{run.Counts.Sent} of {_items} items were sent.");
        return (run, elapsed, Environment.CpuUsage.TotalTime - processor);
    }

    /// <summary>Plans while everything is in sync. Returns how long that took, and its CPU time.</summary>
    public async Task<(TimeSpan Elapsed, TimeSpan Processor)> PlanAsync()
    {
        var processor = Environment.CpuUsage.TotalTime;
        var began = Stopwatch.GetTimestamp();
        var snapshot = await _catalog.FindNewestAsync(CancellationToken.None).ConfigureAwait(false);
        var plan = (await _planner.PlanAsync(snapshot!, CancellationToken.None).ConfigureAwait(false)).Plan!;
        await using var _ = plan.ConfigureAwait(false);
        if (plan.Counts.Unchanged != _items)
            throw new InvalidOperationException($"{plan.Counts.Unchanged} of {_items} items were found unchanged.");
        return (Stopwatch.GetElapsedTime(began), Environment.CpuUsage.TotalTime - processor);
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync().ConfigureAwait(false);
        _socket.Dispose();
        _telemetry.Dispose();
        await _ledger.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
    }

    private sealed class CannedSigner : IRequestSigner
    {
        private readonly byte[] _signature = new byte[256];
        private long _calls;

        public long Calls => Interlocked.Read(ref _calls);

        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _calls);
            return ValueTask.FromResult(new RequestSignature("1", _signature));
        }
    }

    private sealed class CountingSocket(HttpMessageHandler socket) : DelegatingHandler(socket)
    {
        // The number of calls whose size is measured; the others are estimated from their average.
        private const long MeasuredCalls = 1_000;

        private long _calls;
        private long _bytes;

        public long Calls => Interlocked.Read(ref _calls);

        public long Bytes => Interlocked.Read(ref _bytes) * Calls / Math.Max(1, Math.Min(Calls, MeasuredCalls));

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var isMeasured = Interlocked.Increment(ref _calls) <= MeasuredCalls;
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (isMeasured)
            {
                await response.Content.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false);
                var requestBytes = request.ToString().Length + (request.Content?.Headers.ContentLength ?? 0);
                Interlocked.Add(ref _bytes, requestBytes + response.ToString().Length + (response.Content.Headers.ContentLength ?? 0));
            }

            return response;
        }
    }

    private sealed class CountingLedger(ISyncLedger ledger) : ISyncLedger
    {
        private long _calls;

        /// <summary>One per item accepted, leased or recorded.</summary>
        public long Calls => Interlocked.Read(ref _calls);

        public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
        {
            Interlocked.Add(ref _calls, submissions.Count);
            return ledger.AcceptAsync(submissions, cancellationToken);
        }

        public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _calls);
            return ledger.LeaseAsync(contentId, duration, cancellationToken);
        }

        public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _calls);
            return ledger.RecordAsync(leased, outcome, cancellationToken);
        }

        public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
            ledger.ReplayAsync(contentId, delay, cancellationToken);

        public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
            ledger.ResendAsync(contentId, cancellationToken);

        public ValueTask<SyncRecord?> RefuseAsync(
            string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
            ledger.RefuseAsync(contentId, version, code, message, cancellationToken);

        public ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
            ledger.FindAsync(contentId, cancellationToken);

        public IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, CancellationToken cancellationToken) =>
            ledger.ListAsync(filter, cancellationToken);
    }

    private sealed class NoSingles : ISyncQueue
    {
        private long _messages;

        public long Messages => Interlocked.Read(ref _messages);

        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            Interlocked.Add(ref _messages, messages.Count);
            return ValueTask.CompletedTask;
        }
    }
}
