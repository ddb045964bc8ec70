using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Benchmarks.Ratios;
using ContentSync.Content;
using ContentSync.Http.Board;
using ContentSync.Ledger;
using ContentSync.SimulatedStorage;
using ContentSync.Sqlite;
using ContentSync.WorkerHost;

namespace ContentSync.Benchmarks.Ledger;

/// <summary>
/// What the questions to a ledger cost: requests and bytes of the table, counted at the transport, with 1,000 items out of sync among
/// 10,000 and among 300,000; and the time of the same questions to SQLite with a million items.
/// </summary>
internal static class LedgerRatios
{
    private const int OutOfSync = 1_000;
    private const int Small = 10_000;
    private const int Large = 300_000;
    private const int SqliteItems = 1_000_000;
    private const int Rounds = 11;

    private static readonly DateTimeOffset Start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    public static async Task<int> RunAsync(bool json)
    {
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        await AddAsync(figures).ConfigureAwait(false);
        RatiosProgram.Print(figures, json);
        return 0;
    }

    public static async Task AddAsync(SortedDictionary<string, double> figures)
    {
        foreach (var items in (int[])[Small, Large])
        {
            using var service = new SimulatedTableService(TimeProvider.System);
            await AddTableAsync(figures, new Uri("https://simulated.table.core.windows.net"), "simulated", new byte[32], service, items, $"{items}")
                .ConfigureAwait(false);
        }

        try
        {
            var key = RandomNumberGenerator.GetBytes(32);
            await using var azurite = await Azurite.StartAsync($"ledger:{Convert.ToBase64String(key)}").ConfigureAwait(false);
            using var http = new SocketsHttpHandler();
            await AddTableAsync(figures, new Uri(azurite.Tables, "/ledger"), "ledger", key, http, Small, $"Azurite{Small}").ConfigureAwait(false);
        }
        catch (AzuriteUnavailableException e)
        {
            await Console.Error.WriteLineAsync($"No figures of Azurite: {e.Message}").ConfigureAwait(false);
        }

        await AddSqliteAsync(figures).ConfigureAwait(false);
    }

    private static async Task AddTableAsync(
        SortedDictionary<string, double> figures, Uri endpoint, string account, byte[] key, HttpMessageHandler handler, int items, string name)
    {
        using var counter = new TransportCounter(handler);
        var options = new TableClientOptions { Transport = new HttpClientTransport(counter) };
        var table = new TableClient(endpoint, "ledgerratios", new TableSharedKeyCredential(account, Convert.ToBase64String(key)), options);
        var ledger = new TableLedger(table, TimeProvider.System);
        await ledger.CreateIfNotExistsAsync(default).ConfigureAwait(false);
        await FillAsync(table, items - OutOfSync).ConfigureAwait(false);

        var before = counter.Requests;
        await SynchronizeAsync(ledger, "one-more").ConfigureAwait(false);
        figures[$"transactionsPerSynchronizedItem{name}"] = counter.Requests - before;

        // An empty sweep, then one with everything that is out of sync overdue.
        figures[$"emptySweepRequests{name}"] = await SweepAsync(ledger, counter, TimeSpan.Zero, bytes => figures[$"emptySweepBytes{name}"] = bytes)
            .ConfigureAwait(false);
        for (var i = 0; i < OutOfSync; i += 50)
            await ledger.AcceptAsync([.. Enumerable.Range(i, 50).Select(n => Submission($"open-{n}"))], default).ConfigureAwait(false);
        for (var i = 0; i < OutOfSync; i += 2)
        {
            var leased = (await ledger.LeaseAsync($"open-{i}", TimeSpan.FromMinutes(1), default).ConfigureAwait(false)).Record!;
            var attempt = new SyncAttempt(DateTimeOffset.UtcNow, leased.RequestId, "CONTENT_RISKY", new string('x', 128), "tracer");
            var outcome = new AttemptOutcome(AttemptOutcomeKind.Parked) { Attempt = attempt, ParkReason = ParkReason.Rejected };
            await ledger.RecordAsync(leased, outcome, default).ConfigureAwait(false);
        }

        await new TableLedgerMaintenance(ledger, TimeProvider.System, new RetentionOptions()).RunAsync(TimeSpan.FromHours(1), default).ConfigureAwait(false);
        figures[$"sweepRequests{name}"] = await SweepAsync(ledger, counter, TimeSpan.Zero, _ => { }).ConfigureAwait(false);

        using var board = new LedgerFiguresReader(ledger, TimeProvider.System);
        var (requests, bytes) = (counter.Requests, counter.BytesReceived + counter.BytesSent);
        await board.ReadAsync(default).ConfigureAwait(false);
        figures[$"boardRequests{name}"] = counter.Requests - requests;
        figures[$"boardBytes{name}"] = counter.BytesReceived + counter.BytesSent - bytes;

        var worst = 0L;
        foreach (var filter in (SyncRecordFilter[])
            [
                new() { State = SyncState.Parked }, new() { State = SyncState.Pending }, new() { ResultCode = "NONE" }, new() { IsStale = true },
                new() { State = SyncState.Parked, From = DateTimeOffset.MaxValue.AddDays(-1) }, new() { IdPrefix = "none" },
                new() { IdPrefix = "item-1" },
            ])
        {
            requests = counter.Requests;
            await ledger.PageAsync(filter, null, 50, default).ConfigureAwait(false);
            worst = Math.Max(worst, counter.Requests - requests);
        }

        figures[$"listPageRequests{name}"] = worst;
        requests = counter.Requests;
        await ledger.PageAsync(new SyncRecordFilter { State = SyncState.Tombstone }, null, 50, default).ConfigureAwait(false);
        figures[$"searchPageRequests{name}"] = counter.Requests - requests;
    }

    private static async Task<double> SweepAsync(TableLedger ledger, TransportCounter counter, TimeSpan grace, Action<long> bytes)
    {
        var (requests, received) = (counter.Requests, counter.BytesReceived);
        var filter = new SyncRecordFilter { State = SyncState.Pending, DueBy = DateTimeOffset.UtcNow - grace };
        await foreach (var _ in ledger.ListItemsAsync(filter, default).ConfigureAwait(false)) { }
        bytes(counter.BytesReceived - received);
        return counter.Requests - requests;
    }

    // As the ledger writes them, but a hundred at a time.
    private static async Task FillAsync(TableClient table, int items)
    {
        var partitions = new Dictionary<string, List<TableTransactionAction>>(StringComparer.Ordinal);
        for (var i = 0; i < items; i++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"item-{i}");
            _ = TableLedgerKey.TryOf(id, out var key);
            var entity = TableLedgerEntity.Of(Synchronized(id), key!.Value, "fill", withBody: true);
            if (!partitions.TryGetValue(key.Value.Partition, out var writes)) partitions[key.Value.Partition] = writes = [];
            writes.Add(new TableTransactionAction(TableTransactionActionType.Add, entity));
            if (writes.Count < 100) continue;
            await table.SubmitTransactionAsync(writes).ConfigureAwait(false);
            writes.Clear();
        }

        foreach (var writes in partitions.Values.Where(writes => writes.Count > 0)) await table.SubmitTransactionAsync(writes).ConfigureAwait(false);
    }

    private static async Task AddSqliteAsync(SortedDictionary<string, double> figures)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-benchmark-").FullName;
        try
        {
            var options = new SqliteLedgerOptions(Path.Combine(folder, "ledger.db")) { Durability = LedgerDurability.ProcessEnd };
            await using var ledger = await SqliteLedger.OpenAsync(options, TimeProvider.System, default).ConfigureAwait(false);
            for (var i = 0; i < SqliteItems; i += 1_000)
            {
                var ids = Enumerable.Range(i, 1_000).Select(n => string.Create(CultureInfo.InvariantCulture, $"item-{n}")).ToArray();
                await ledger.AcceptAsync([.. ids.Select(Submission)], default).ConfigureAwait(false);
                if (i >= SqliteItems - OutOfSync) break;
                var leases = await Task
                    .WhenAll(ids.Select(id => ledger.LeaseAsync(id, TimeSpan.FromMinutes(1), default).AsTask()))
                    .ConfigureAwait(false);
                await Task.WhenAll(leases.Select(lease => ledger.RecordAsync(lease.Record!, Success(lease.Record!), default).AsTask()))
                    .ConfigureAwait(false);
            }

            figures["sqliteCountMilliseconds"] = await MedianAsync(async () => await ledger.CountAsync(default).ConfigureAwait(false))
                .ConfigureAwait(false);
            figures["sqliteListMilliseconds"] = 0;
            foreach (var filter in (SyncRecordFilter[])
                [
                    new(), new() { State = SyncState.Pending }, new() { State = SyncState.Parked }, new() { IsStale = true },
                    new() { IdPrefix = "item-77" }, new() { State = SyncState.Pending, ResultCode = "NONE" },
                ])
            {
                var median = await MedianAsync(async () => await ledger.PageAsync(filter, null, 50, default).ConfigureAwait(false))
                    .ConfigureAwait(false);
                figures["sqliteListMilliseconds"] = Math.Max(figures["sqliteListMilliseconds"], median);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> MedianAsync(Func<Task> act)
    {
        var times = new List<double>();
        for (var i = 0; i < Rounds; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await act().ConfigureAwait(false);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return times.Order().ElementAt(Rounds / 2);
    }

    private static async Task SynchronizeAsync(TableLedger ledger, string id)
    {
        var accepted = (await ledger.AcceptAsync([Submission(id)], default).ConfigureAwait(false))[0].Record;
        var leased = (await ledger.LeaseAsync(accepted, TimeSpan.FromMinutes(1), default).ConfigureAwait(false)).Record!;
        await ledger.RecordAsync(leased, Success(leased), default).ConfigureAwait(false);
    }

    private static AttemptOutcome Success(SyncRecord leased) => new(AttemptOutcomeKind.Synchronized)
    {
        Attempt = new SyncAttempt(DateTimeOffset.UtcNow, leased.RequestId, "SUCCESS", "success", "tracer"),
    };

    private static SyncRecord Synchronized(string id)
    {
        var (accepted, _) = SyncTransitions.Accept(null, Submission(id), Start);
        var (leased, _) = SyncTransitions.Lease(accepted!, "lease", Start, TimeSpan.FromMinutes(1));
        return SyncTransitions.Record(leased!, leased!, Success(leased!)).Next!;
    }

    private static Submission Submission(string id)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"contentId":"{{id}}","contentInfo":"{\"name\":\"{{id}}\"}"}""");
        var item = new ContentItem
        {
            ContentId = id,
            ContentType = "SKU",
            ContentStatus = ContentStatus.Valid,
            ContentInfo = body,
            Hash = new ContentHash(SHA256.HashData(body)),
        };
        return new Submission(item, new ChangeVersion(1, null, ChangeVersion.OnAcceptance), _ => new PreparedRequest("0123456789abcdef0123456789abcdef", body));
    }
}
