using System.Net;
using System.Text;

namespace ContentSync.SimulatedStorage;

/// <summary>
/// Azure Table storage in memory, behind the client's transport: point reads, queries with continuation, single writes and entity group
/// transactions, with the service's limits, ETags and error codes. Knows as much of the protocol as the ledger uses. Thread-safe.
/// </summary>
/// <param name="time">Clock of the Date header and of the time stamps.</param>
public sealed class SimulatedTableService(TimeProvider time) : HttpMessageHandler
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, StoredTable> _tables = new(StringComparer.OrdinalIgnoreCase);
    private Received? _late;
    private long _lastStamp;

    /// <summary>Chooses what goes wrong with each request; null for nothing.</summary>
    public Func<TableCall, TableFault>? Fault { get; set; }

    /// <summary>Cuts query pages short at random places, as the service may at any time; null for full pages.</summary>
    public Random? ShortPages { get; set; }

    /// <summary>Entities that a query may inspect for one page; stands for the service's limit of 5 seconds.</summary>
    public int MaxInspectedPerPage { get; set; } = 20_000;

    /// <summary>Called with PartitionKey and RowKey after each write of an entity, before the response.</summary>
    public Action<string, string>? Committed { get; set; }

    /// <summary>Number of entities in a table, for assertions; 0 for a table that does not exist.</summary>
    public int Count(string table)
    {
        lock (_lock) return _tables.TryGetValue(table, out var found) ? found.Count : 0;
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        // The service is elsewhere, so no caller goes on before others have had their turn.
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        var received = Receive(request, body);
        return Serve(request, received, Fault?.Invoke(received.ToCall()) ?? TableFault.None);
    }

    /// <summary>Serves a request at once, on the thread of the caller.</summary>
    /// <param name="request">The request.</param>
    /// <param name="body">Its body.</param>
    /// <param name="fault">What goes wrong.</param>
    /// <exception cref="HttpRequestException">The connection breaks.</exception>
    public HttpResponseMessage Serve(HttpRequestMessage request, byte[] body, TableFault fault) => Serve(request, Receive(request, body), fault);

    private static Received Receive(HttpRequestMessage request, byte[] body) =>
        new(request.Method.Method, request.RequestUri!, IfMatch(request), body);

    private HttpResponseMessage Serve(HttpRequestMessage request, Received received, TableFault fault)
    {
        switch (fault)
        {
            case TableFault.Busy:
                return ToResponse(TableResult.Error(503, "ServerBusy", "The server is busy."), request);
            case TableFault.TableMissing:
                return ToResponse(received.IsTransaction ? TransactionFormat.Failed(TableMissing.At(0)) : TableMissing, request);
            case TableFault.LostRequest:
                throw new HttpRequestException("The connection broke before the request arrived.");
            case TableFault.InnerBusy when received.IsTransaction:
                return ToResponse(TransactionFormat.Failed(TableResult.Error(503, "ServerBusy", "0:The server is busy.")), request);
            case TableFault.InnerError when received.IsTransaction:
                return ToResponse(TransactionFormat.Failed(TableResult.Error(500, "InternalError", "0:The server failed.")), request);
        }

        TableResult result;
        var written = new List<StoredTable.Change>();
        lock (_lock)
        {
            // A request that a proxy repeated arrives once more, after others.
            if (Interlocked.Exchange(ref _late, null) is { } late) Apply(late, written);
            result = Apply(received, written);
            if (fault == TableFault.RepeatedAtOnce) result = Apply(received, written);
            if (fault == TableFault.RepeatedLater) _late = received;
        }

        foreach (var change in written) Committed?.Invoke(change.Partition, change.Row);
        return fault switch
        {
            TableFault.LostResponse => throw new HttpRequestException("The connection broke before the response arrived."),
            TableFault.BusyWithEffect =>
                ToResponse(TableResult.Error(500, "OperationTimedOut", "The operation could not be completed in time."), request),
            _ => ToResponse(result, request),
        };
    }

    private TableResult Apply(Received received, List<StoredTable.Change> written)
    {
        if (received.IsTransaction) return ApplyTransaction(received, written);
        if (received.Target.EndsWith("/Tables", StringComparison.Ordinal)) return CreateTable(received);
        var address = EntityAddress.Of(received.Target);
        if (!_tables.TryGetValue(address.Table, out var table)) return TableMissing;
        if (received.Method == "GET")
        {
            return address.Row is { } row
                ? table.Read(address.Partition!, row, received.Query("$select"))
                : table.Query(received, ShortPages, MaxInspectedPerPage);
        }

        var (result, changes) = table.Prepare([TableWrite.Of(received)], NextStamp);
        if (changes is null) return result;
        table.Commit(changes);
        written.AddRange(changes);
        return result;
    }

    private TableResult ApplyTransaction(Received received, List<StoredTable.Change> written)
    {
        if (received.Body.Length > TransactionFormat.MaxBytes)
            return TableResult.Error(413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit.");
        var writes = TransactionFormat.Read(received.Body);
        if (TransactionFormat.Fault(writes) is { } fault) return TransactionFormat.Failed(fault);
        if (!_tables.TryGetValue(writes[0].Table, out var table)) return TransactionFormat.Failed(TableMissing.At(0));
        var (result, changes) = table.Prepare(writes, NextStamp);
        if (changes is null) return TransactionFormat.Failed(result);
        table.Commit(changes);
        written.AddRange(changes);
        return TransactionFormat.Succeeded([.. changes.Select(change => change.ETag)]);
    }

    private TableResult CreateTable(Received received)
    {
        var name = EntityJson.Parse(received.Body).Text("TableName")!;
        return _tables.TryAdd(name, new StoredTable())
            ? new TableResult(201, Encoding.UTF8.GetBytes($$"""{"TableName":"{{name}}"}"""))
            : TableResult.Error(409, "TableAlreadyExists", "The table specified already exists.");
    }

    private static TableResult TableMissing => TableResult.Error(404, "TableNotFound", "The table specified does not exist.");

    // Unique, so that every write changes the ETag.
    private DateTimeOffset NextStamp()
    {
        _lastStamp = Math.Max(_lastStamp + 1, time.GetUtcNow().UtcTicks);
        return new DateTimeOffset(_lastStamp, TimeSpan.Zero);
    }

    // As HTTP writes it.
    private static DateTimeOffset WholeSeconds(DateTimeOffset now) => now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));

    private static string? IfMatch(HttpRequestMessage request) =>
        request.Headers.TryGetValues("If-Match", out var values) ? string.Join(',', values) : null;

    private HttpResponseMessage ToResponse(TableResult result, HttpRequestMessage request)
    {
        var content = new ByteArrayContent(result.Body);
        var response = new HttpResponseMessage((HttpStatusCode)result.Status) { RequestMessage = request, Content = content };
        response.Headers.Date = WholeSeconds(time.GetUtcNow());
        response.Content.Headers.TryAddWithoutValidation("Content-Type", result.ContentType);
        if (result.ETag is { } etag) response.Headers.TryAddWithoutValidation("ETag", etag);
        if (result.Next is not { } next) return response;
        response.Headers.TryAddWithoutValidation("x-ms-continuation-NextPartitionKey", Continuation.Write(next.Partition));
        response.Headers.TryAddWithoutValidation("x-ms-continuation-NextRowKey", Continuation.Write(next.Row));
        return response;
    }
}

/// <summary>What goes wrong with a request.</summary>
public enum TableFault
{
    None,

    /// <summary>503 without any effect.</summary>
    Busy,

    /// <summary>500 although the request took effect.</summary>
    BusyWithEffect,

    /// <summary>The connection breaks before the request arrives.</summary>
    LostRequest,

    /// <summary>The request takes effect, and the connection breaks before the response arrives.</summary>
    LostResponse,

    /// <summary>The request arrives twice; the response is the second one's.</summary>
    RepeatedAtOnce,

    /// <summary>The request arrives once more before the next request takes effect.</summary>
    RepeatedLater,

    /// <summary>A transaction gets 202 with a 503 inside and has no effect; other requests are served.</summary>
    InnerBusy,

    /// <summary>A transaction gets 202 with a 500 inside and has no effect; other requests are served.</summary>
    InnerError,

    /// <summary>404 as for a table that does not exist, without any effect. Callers do not repeat it, unlike all before it.</summary>
    TableMissing,
}

/// <summary>What a request asks for.</summary>
public enum TableCallKind
{
    Read,
    Query,
    Write,
    Transaction,
    Table,
}

/// <param name="Kind">What the request asks for.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Target">Decoded path and query.</param>
public sealed record TableCall(TableCallKind Kind, string Method, string Target);
