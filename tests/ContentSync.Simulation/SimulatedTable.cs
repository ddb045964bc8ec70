using Azure;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Ledger;
using ContentSync.SimulatedTables;

namespace ContentSync.Simulation;

/// <summary>
/// The table behind the real ledger on Table storage. After each write it shows the record to the checker, read through the ledger's own
/// interface.
/// </summary>
internal sealed class SimulatedTable : IDisposable
{
    private const string Name = "ledger";
    private const int PageSize = 3;

    private readonly World _world;
    private readonly SimulatedTableService _service;
    private readonly TableLedger _view;
    private LedgerCall? _serving;
    private string _sender = "";

    public SimulatedTable(World world)
    {
        _world = world;
        _service = new SimulatedTableService(new TrueTime(world))
        {
            Committed = Observe,
            ShortPages = new Random(world.Random.Next(int.MaxValue)),
        };
        _view = new TableLedger(Client(new DirectConnection(_service)), new TrueTime(world));
        Get(_view.CreateIfNotExistsAsync(CancellationToken.None));
    }

    /// <summary>The call of the ledger that the running code belongs to.</summary>
    public AsyncLocal<LedgerCall?> Calls { get; } = new();

    /// <summary>The ledger as a process opens it.</summary>
    public ObservedLedger Open(SimulatedProcess process, StoreClock clock) => new(
        new TableLedger(Connect(process, clock), clock, () => $"{_world.Random.NextBits():x16}"), _world, process, Calls);

    /// <summary>The scan of a process for resyncs.</summary>
    public TableLedgerScan OpenScan(SimulatedProcess process, StoreClock clock) => new(Connect(process, clock));

    /// <summary>The item whose record a request reads; null for any other request.</summary>
    public static string? RecordOf(HttpRequestMessage request)
    {
        const string Before = "RowKey='";
        if (request.Method != HttpMethod.Get) return null;
        var path = Uri.UnescapeDataString(request.RequestUri!.AbsolutePath);
        var at = path.IndexOf(Before, StringComparison.Ordinal);
        return at >= 0 ? ContentIdOf(path[(at + Before.Length)..^2]) : null;
    }

    /// <summary>Serves a request that has arrived.</summary>
    public HttpResponseMessage Serve(HttpRequestMessage request, byte[] body, TableFault fault, LedgerCall? call, string sender)
    {
        (_serving, _sender) = (call, sender);
        try
        {
            return _service.Serve(request, body, fault);
        }
        finally
        {
            _serving = null;
        }
    }

    public void Dispose() => _service.Dispose();

    /// <summary>Compares what the ledger lists with the records.</summary>
    public void CheckLists()
    {
        var filter = new SyncRecordFilter { IsOutOfSync = true };
        var expected = _world.Store.Records.Where(record => filter.Matches(ListedItem.Of(record)))
            .Select(record => record.ContentId).Order(StringComparer.Ordinal).ToList();
        Compare("out of sync", expected, Get(_view.ListItemsAsync(filter, CancellationToken.None).ToListAsync(CancellationToken.None).AsTask()));
        var paged = new List<ListedItem>();
        string? after = null;
        do
        {
            var page = Get(_view.PageAsync(filter, after, PageSize, CancellationToken.None).AsTask());
            paged.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        Compare("out of sync, page by page", expected, paged);
    }

    private void Compare(string what, List<string> expected, List<ListedItem> listed)
    {
        var found = listed.Select(item => item.ContentId).Order(StringComparer.Ordinal).ToList();
        if (!found.SequenceEqual(expected))
            _world.Invariants.Report(Invariant.ListsAreComplete, $"{what}: [{string.Join(' ', found)}] instead of [{string.Join(' ', expected)}]");
    }

    private TableClient Connect(SimulatedProcess process, StoreClock clock) => Client(new TableConnection(process, _world, this, clock));

    private static TableClient Client(HttpMessageHandler handler)
    {
        // The retries of the client would wait in real time.
        var options = new TableClientOptions { Transport = new HttpClientTransport(new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }) };
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;


        // Nobody checks the signature of a request, so none is computed.
        var credential = new AzureSasCredential("sig=simulated");
        return new TableClient(new Uri($"https://simulated.table.core.windows.net/{Name}"), credential, options);
    }

    // Rows that are not records follow them in each partition.
    private static string? ContentIdOf(string row) =>
        string.CompareOrdinal(row, TableLedgerIndexRow.EndOfRecords) < 0 ? TableLedgerKey.ContentIdOf(row) : null;

    private void Observe(string partition, string row)
    {
        if (ContentIdOf(row) is not { } contentId) return;
        var record = Get(_view.FindAsync(contentId, CancellationToken.None).AsTask())!;
        _world.Store.Put(record, _sender, _serving?.ChangesOf(contentId, record, _world) ?? []);
    }

    // Nothing waits: the service responds at once.
    private static T Get<T>(Task<T> task) => task.IsCompleted
        ? task.GetAwaiter().GetResult()
        : throw new InvalidOperationException("The simulated code moved to another thread.");

    private static void Get(Task task)
    {
        if (!task.IsCompleted) throw new InvalidOperationException("The simulated code moved to another thread.");
        task.GetAwaiter().GetResult();
    }

    private sealed class DirectConnection(SimulatedTableService service) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            service.Serve(request, await TableConnection.BodyAsync(request, cancellationToken).ConfigureAwait(false), TableFault.None);
    }
}

/// <summary>The connection of a process to the table service. It repeats what failed as the client of the service does.</summary>
internal sealed class TableConnection(SimulatedProcess process, World world, SimulatedTable table, StoreClock clock) : HttpMessageHandler
{
    private const int MaxRetries = 3;

    private static readonly TimeSpan NetworkTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    public static async Task<byte[]> BodyAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await BodyAsync(request, cancellationToken).ConfigureAwait(false);
        var (call, sent) = (table.Calls.Value, clock.GetTimestamp());
        for (var retries = 0; ; retries++)
        {
            try
            {
                var response = await SendOnceAsync(request, body, call, cancellationToken).ConfigureAwait(false);
                if (retries == MaxRetries || (int)response.StatusCode is not (408 or 429 or 500 or 502 or 503 or 504))
                {
                    // The ledger does the same with the same values before it applies the rules.
                    clock.Observe(response.Headers.Date!.Value, sent);
                    if (SimulatedTable.RecordOf(request) is { } contentId) call?.Judged(contentId, clock.GetUtcNow());
                    return response;
                }
            }
            catch (HttpRequestException) when (retries < MaxRetries)
            {
                // Repeated below.
            }

            var delay = new CallBehavior(RetryDelay * (1 << retries), TimeSpan.Zero);
            await process.CallAsync("wait", () => true, delay, cancellationToken).ConfigureAwait(false);
        }
    }

    private ValueTask<HttpResponseMessage> SendOnceAsync(
        HttpRequestMessage request, byte[] body, LedgerCall? call, CancellationToken cancellationToken)
    {
        var fault = NextFault();
        var (behavior, isLate) = NextCall();
        if (isLate)
        {
            // The request arrives when its caller has given up.
            world.Time.After(NetworkTimeout + world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)), () => Serve());
        }

        return process.CallAsync($"{request.Method} {request.RequestUri!.AbsolutePath}", Serve, behavior, cancellationToken);

        HttpResponseMessage Serve()
        {
            var response = table.Serve(request, body, fault, call, process.Name);
            if ((int)response.StatusCode is 409 or 412) world.Faults.Add(Fault.StoreConflict);
            return response;
        }
    }

    private TableFault NextFault()
    {
        if (world.InjectOutage(Fault.StoreTableMissing)) return TableFault.TableMissing;
        if (world.Inject(Fault.StoreBusy)) return world.Random.Pick(TableFault.Busy, TableFault.BusyWithEffect);
        if (world.Inject(Fault.StoreTransactionBusy)) return world.Random.Pick(TableFault.InnerBusy, TableFault.InnerError);
        return world.Inject(Fault.StoreRepeated) ? world.Random.Pick(TableFault.RepeatedAtOnce, TableFault.RepeatedLater) : TableFault.None;
    }

    private (CallBehavior Behavior, bool IsLate) NextCall()
    {
        if (world.InjectOutage(Fault.StoreOutage)) return (Failure(isLost: true), false);
        if (world.Inject(Fault.StoreLate)) return (Failure(isLost: true), true);
        if (world.Inject(Fault.StoreResponseLost)) return (Failure(isLost: false), false);
        if (!world.Inject(Fault.StoreSlow)) return (new CallBehavior(world.ShortDelay(), world.ShortDelay()), false);
        var half = world.Random.Between(TimeSpan.Zero, NetworkTimeout * 0.5);
        return (new CallBehavior(half, half), false);
    }

    private CallBehavior Failure(bool isLost) => new(
        world.ShortDelay(),
        world.Random.Chance(0.5) ? NetworkTimeout : world.ShortDelay(),
        isLost,
        static () => new HttpRequestException(HttpRequestError.ConnectionError, "The table service does not respond."));
}
