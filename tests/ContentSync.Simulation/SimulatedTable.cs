using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Ledger;
using ContentSync.SimulatedStorage;

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
        var connection = new DirectConnection((request, body) => _service.Serve(request, body, TableFault.None));
        _view = new TableLedger(Client(connection, Name), new TrueTime(world));
        Direct.Get(_view.CreateIfNotExistsAsync(CancellationToken.None));
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
        var listed = _view.ListItemsAsync(filter, CancellationToken.None).ToListAsync(CancellationToken.None);
        Compare("out of sync", expected, Direct.Get(listed.AsTask()));
        var paged = new List<ListedItem>();
        string? after = null;
        do
        {
            var page = Direct.Get(_view.PageAsync(filter, after, PageSize, CancellationToken.None).AsTask());
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

    private TableClient Connect(SimulatedProcess process, StoreClock clock) => Client(new LedgerConnection(process, _world, this, clock), Name);

    /// <summary>Microsoft's client of a simulated table.</summary>
    /// <param name="handler">The connection.</param>
    /// <param name="name">Name of the table.</param>
    /// <param name="clock">The clock of the process that responses set; null for none.</param>
    public static TableClient Client(HttpMessageHandler handler, string name, TimeProvider? clock = null)
    {
        // The retries of the client would wait in real time.
        var options = new TableClientOptions { Transport = new HttpClientTransport(new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }) };
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        if (clock is not null) options.AddPolicy(new StoreClockPolicy(clock), HttpPipelinePosition.PerRetry);

        // Nobody checks the signature of a request, so none is computed.
        var credential = new AzureSasCredential("sig=simulated");
        return new TableClient(new Uri($"https://simulated.table.core.windows.net/{name}"), credential, options);
    }

    // Rows that are not records follow them in each partition.
    private static string? ContentIdOf(string row) =>
        string.CompareOrdinal(row, TableLedgerIndexRow.EndOfRecords) < 0 ? TableLedgerKey.ContentIdOf(row) : null;

    private void Observe(string partition, string row)
    {
        if (ContentIdOf(row) is not { } contentId) return;
        var record = Direct.Get(_view.FindAsync(contentId, CancellationToken.None).AsTask())!;
        _world.Store.Put(record, _sender, _serving?.ChangesOf(contentId, record, _world) ?? []);
    }
}

/// <summary>The connection of a process to the ledger's table.</summary>
internal sealed class LedgerConnection(SimulatedProcess process, World world, SimulatedTable table, StoreClock clock)
    : StorageConnection(process, world, StorageConnection.TableTimeout, (request, body) =>
    {
        var fault = StorageFaults.NextTable(world);
        var (behavior, isLate) = StorageFaults.Next(world, StorageConnection.TableTimeout);
        var call = table.Calls.Value;
        return new StorageAttempt(() => table.Serve(request, body, fault, call, process.Name), behavior, isLate);
    })
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var sent = clock.GetTimestamp();
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);

        // The ledger does the same with the same values before it applies the rules.
        clock.Observe(response.Headers.Date!.Value, sent);
        if (SimulatedTable.RecordOf(request) is { } contentId) table.Calls.Value?.Judged(contentId, clock.GetUtcNow());
        return response;
    }
}
