using Azure.Data.Tables;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.SimulatedStorage;
using ContentSync.Synchronization;
using ContentSync.Tests.Budget;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Ledger;

/// <summary>The index of a table: kept with its records whatever fails, built while the app runs, and used only when it is complete.</summary>
public sealed class TableLedgerIndexTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan NoLimit = TimeSpan.FromHours(1);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly TestSubmissions _submissions = new();
    private readonly SimulatedTableStorage _storage = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Agrees_with_the_records_after_concurrent_writers_with_every_fault(int seed)
    {
        var table = _storage.Table();
        await Ledger(table).CreateIfNotExistsAsync(default);
        var faults = new Random(seed);
        _storage.Service.Fault = _ =>
        {
            lock (faults) return faults.Next(4) == 0 ? (TableFault)faults.Next(9) : TableFault.None;
        };

        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + writer);
            var ledger = Ledger(_storage.Client(table.Name));
            for (var i = 0; i < 60; i++)
            {
                try
                {
                    await ChangeAsync(ledger, $"item-{random.Next(12)}", random);
                }
                catch (LedgerUnavailableException)
                {
                    // The store failed more often than the client tries; whatever took effect must be whole.
                }
            }
        })));
        _storage.Service.Fault = null;

        await AssertIndexIsRightAsync(table);
    }

    [Fact]
    public async Task Finds_what_is_out_of_sync_with_257_requests_whatever_is_in_sync()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        for (var i = 0; i < 300; i++) await SynchronizeAsync(ledger, $"item-{i}");
        await ledger.AcceptAsync([_submissions.Of("pending", "A", 1)], default);
        var before = _storage.Counter.Requests;

        var found = await ((ISyncLedger)ledger).ListItemsAsync(new SyncRecordFilter { State = SyncState.Pending }, default).ToListAsync();

        Assert.Equal(("pending", 257), (Assert.Single(found).ContentId, _storage.Counter.Requests - before));
    }

    [Fact]
    public async Task Adds_no_transaction_to_an_item_that_is_synchronized()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        var before = _storage.Counter.Requests;

        await SynchronizeAsync(ledger, "item");

        Assert.Equal(5, _storage.Counter.Requests - before);
        await AssertIndexIsRightAsync(table);
    }

    [Fact]
    public async Task Adds_no_transaction_for_the_history_of_what_was_sent_with_bodies()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        await SynchronizeAsync(ledger, "item");
        for (var version = 2; version <= 12; version++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            var before = _storage.Counter.Requests;

            await ledger.AcceptAsync([_submissions.Of("item", $"V{version}", version) with { KeepsSentBody = true }], default);
            var leased = (await ledger.LeaseAsync("item", Duration, default)).Record!;
            var outcome = AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()) with { KeepsSentBody = true };
            await ledger.RecordAsync(leased, outcome, default);

            Assert.Equal(5, _storage.Counter.Requests - before);
        }

        var sent = (await ledger.FindAsync("item", default))!.ReadSent();
        Assert.Equal((10, 9), (sent.Count, sent.Count(request => request.Body is not null)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Forgets_delisted_items_whatever_fails_and_never_before_the_horizon_is_known(int seed)
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        for (var i = 0; i < 8; i++) await ledger.AcceptAsync([new Submission(Delisting.ById($"item-{i}", 1), TestSubmissions.Numbered(1), null!)], default);
        _time.Advance(TimeSpan.FromDays(401));
        var faults = new Random(seed);
        for (var day = 0; day < 12; day++)
        {
            _storage.Service.Fault = _ =>
            {
                lock (faults) return faults.Next(3) == 0 ? (TableFault)faults.Next(9) : TableFault.None;
            };
            try
            {
                await Maintenance(Ledger(table)).RunAsync(NoLimit, default);
            }
            catch (LedgerUnavailableException)
            {
                // The next run continues.
            }

            _storage.Service.Fault = null;
            var horizon = (await table.QueryAsync<TableEntity>("RowKey eq '~h'").ToListAsync()).SingleOrDefault()?.GetDateTimeOffset("At");
            var left = await table.QueryAsync<TableEntity>("RowKey lt '~g'").CountAsync();
            Assert.True(left == 8 || horizon > TestSubmissions.Received, $"{left} are left, and the horizon is {horizon}.");
            _time.Advance(TimeSpan.FromHours(25));
        }

        // The scan under way, one that stores the horizon, and one that deletes.
        for (var scan = 0; scan < 3; scan++)
        {
            await Maintenance(Ledger(table)).RunAsync(NoLimit, default);
            _time.Advance(TimeSpan.FromHours(25));
        }

        Assert.Empty(await table.QueryAsync<TableEntity>("RowKey lt '~g'").ToListAsync());
        var late = await Ledger(table).AcceptAsync([_submissions.Of("item-1", "A", 1)], default);
        Assert.Equal(AcceptanceKind.Superseded, late[0].Kind);
    }

    [Theory]
    [InlineData(TableFault.InnerBusy)]
    [InlineData(TableFault.InnerError)]
    public async Task Repeats_a_transaction_that_failed_inside_its_response(TableFault fault)
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        var injected = 0;
        _storage.Service.Fault = call => call.Kind == TableCallKind.Transaction && injected++ < 2 ? fault : TableFault.None;

        await ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);

        Assert.Equal((3, SyncState.Pending), (injected, (await ledger.FindAsync("item", default))!.State));
    }

    [Fact]
    public async Task The_sweep_enqueues_an_item_whose_lease_has_expired_although_index_rows_know_no_leases()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        await ledger.AcceptAsync([_submissions.Of("abandoned", "A", 1), _submissions.Of("in-sync", "A", 1)], default);
        foreach (var id in (string[])["abandoned", "in-sync"])
        {
            var leased = (await ledger.LeaseAsync(id, Duration, default)).Record!;
            if (id == "in-sync") await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);
        }

        _time.Advance(TimeSpan.FromMinutes(20));
        var queue = new ListQueue();
        var options = new RecoverabilityOptions();
        var sendSwitch = new SendSwitch(_time, new MemorySendStateStore(_time));
        var breaker = new SharedCircuitBreaker(new CircuitBreaker(options, _time), sendSwitch, options, new RequestIdSource(), _time);
        var sweep = new PendingSweep(ledger, queue, breaker, sendSwitch, _time);

        Assert.Equal(1, (await sweep.RunAsync(TimeSpan.FromMinutes(15), default)).Enqueued);

        Assert.Equal("abandoned", Assert.Single(queue.Messages).ContentId);
        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync("abandoned", Duration, default)).Status);
    }

    [Fact]
    public async Task What_is_open_is_read_with_one_pass_over_the_index()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        await ledger.AcceptAsync([_submissions.Of("pending", "A", 1), _submissions.Of("parked", "A", 1), _submissions.Of("stale", "A", 1)], default);
        var parked = (await ledger.LeaseAsync("parked", Duration, default)).Record!;
        await ledger.RecordAsync(parked, AttemptOutcomes.Parked(parked, _time.GetUtcNow(), ParkReason.Rejected), default);
        var stale = (await ledger.LeaseAsync("stale", Duration, default)).Record!;
        await ledger.RecordAsync(stale, AttemptOutcomes.Synchronized(stale, _time.GetUtcNow()), default);
        await ledger.RefuseAsync("stale", TestSubmissions.Numbered(2), "required", "is missing", default);
        var before = _storage.Counter.Requests;

        var open = await OpenItems.ReadAsync(ledger.ListItemsAsync, null, default);

        Assert.Equal((1L, 1L, 257), (open.Pending, open.Parked, _storage.Counter.Requests - before));
        Assert.Equal(["parked", "pending"], open.Ids);
    }

    [Fact]
    public async Task Goes_on_although_an_index_row_is_missing()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        await ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        var key = TableLedgerKey.TryOf("item", out var found) ? found.Value : default;
        await table.DeleteEntityAsync(key.Partition, "~n" + key.Row);

        var leased = (await ledger.LeaseAsync("item", Duration, default)).Record!;
        var recorded = await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized), (recorded.Status, recorded.Record.State));
        await AssertIndexIsRightAsync(table);
    }

    [Fact]
    public async Task Writes_no_index_rows_into_a_table_of_an_earlier_version_until_told_to()
    {
        var table = await OldTableAsync(20);
        var ledger = Ledger(table);

        await ledger.AcceptAsync([_submissions.Of("new", "A", 1)], default);
        await Maintenance(ledger).RunAsync(NoLimit, default);

        Assert.Empty(await RowsAsync(table));
        Assert.Equal(21, (await ledger.CountAsync(default)).States.Values.Sum());
        Assert.Contains("new", await PendingAsync(ledger));
    }

    [Fact]
    public async Task Shows_every_item_through_all_steps_of_a_migration_and_uses_the_index_only_after_the_last()
    {
        var table = await OldTableAsync(40);
        var expected = await PendingAsync(Ledger(table, LedgerIndexStep.Skip));

        var writing = Ledger(table, LedgerIndexStep.Write);
        await Maintenance(writing).RunAsync(NoLimit, default);
        Assert.Equal(expected, await PendingAsync(writing));
        Assert.NotEmpty(await RowsAsync(table));
        Assert.False(await writing.Index.IsCompleteAsync(default));

        var completing = Ledger(table, LedgerIndexStep.Complete);
        Assert.Equal(expected, await PendingAsync(completing));
        await Maintenance(completing).RunAsync(NoLimit, default);
        Assert.True(await completing.Index.IsCompleteAsync(default));
        Assert.Equal(expected, await PendingAsync(completing));
        await AssertIndexIsRightAsync(table);
        Assert.True(await Ledger(table).Index.AddsRowsAsync(default));
    }

    [Fact]
    public async Task Counts_an_index_as_incomplete_once_an_instance_no_longer_writes_it()
    {
        var table = await OldTableAsync(10);
        await Maintenance(Ledger(table, LedgerIndexStep.Complete)).RunAsync(NoLimit, default);
        var rolledBack = Ledger(table, LedgerIndexStep.Skip);

        await rolledBack.AcceptAsync([_submissions.Of("unindexed", "A", 1)], default);

        Assert.DoesNotContain("unindexed", (await RowsAsync(table)).Keys);
        Assert.Contains("unindexed", await PendingAsync(Ledger(table, LedgerIndexStep.Write)));
        await Maintenance(Ledger(table, LedgerIndexStep.Complete)).RunAsync(NoLimit, default);
        await AssertIndexIsRightAsync(table);
    }

    [Fact]
    public async Task Corrects_rows_that_an_earlier_version_left_behind()
    {
        var table = _storage.Table();
        var ledger = Ledger(table, LedgerIndexStep.Complete);
        await ledger.CreateIfNotExistsAsync(default);
        await ledger.AcceptAsync([_submissions.Of("done", "A", 1), _submissions.Of("changed", "A", 1), _submissions.Of("gone", "A", 1)], default);
        // An earlier version changes records, or deletes a table's entity by hand, without touching the rows.
        foreach (var (id, change) in ((string, TableEntity)[])[("done", new() { ["State"] = 1 }), ("changed", new() { ["Hop"] = 7 })])
        {
            _ = TableLedgerKey.TryOf(id, out var key);
            (change.PartitionKey, change.RowKey) = (key!.Value.Partition, key.Value.Row);
            await table.UpdateEntityAsync(change, Azure.ETag.All);
        }

        _ = TableLedgerKey.TryOf("gone", out var gone);
        await table.DeleteEntityAsync(gone!.Value.Partition, gone.Value.Row);

        var result = await Maintenance(ledger).RunAsync(NoLimit, default);

        Assert.Equal(3, result.Repaired);
        Assert.Equal(["changed"], (await RowsAsync(table)).Keys);
        await AssertIndexIsRightAsync(table);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Completes_the_index_although_every_run_is_killed_and_others_write_meanwhile(int seed)
    {
        var table = await OldTableAsync(120);
        var random = new Random(seed);
        var runs = 0;
        while (!await Ledger(table, LedgerIndexStep.Complete).Index.IsCompleteAsync(default))
        {
            Assert.True(++runs < 200);
            var ledger = Ledger(_storage.Client(table.Name), LedgerIndexStep.Complete);
            // Each run gets a little further than a chunk before it is killed; every few responses are lost.
            var left = random.Next(40, 90);
            using var kill = new CancellationTokenSource();
            _storage.Service.Fault = _ =>
            {
                if (Interlocked.Decrement(ref left) == 0) kill.Cancel();
                lock (random) return random.Next(20) == 0 ? TableFault.LostResponse : TableFault.None;
            };
            var writing = Task.Run(async () =>
            {
                var other = Ledger(_storage.Client(table.Name), LedgerIndexStep.Write);
                for (var i = 0; i < 3; i++) await ChangeAsync(other, $"old-{i * runs % 120}", new Random(runs + i));
            });
            _ = await Record.ExceptionAsync(() => Maintenance(ledger).RunAsync(NoLimit, kill.Token));
            _ = await Record.ExceptionAsync(() => writing);
            _storage.Service.Fault = null;
        }

        Assert.True(runs > 3);
        await AssertIndexIsRightAsync(table);
    }

    [Fact]
    public async Task Pauses_when_its_time_is_over_and_continues_where_it_stopped()
    {
        var table = await OldTableAsync(50);
        var (scanned, runs) = (0L, 0);
        MaintenanceResult result;
        do
        {
            result = await Maintenance(Ledger(table, LedgerIndexStep.Complete)).RunAsync(TimeSpan.FromTicks(-1), default);
            runs++;
            // One chunk at a time.
            if (result.HasMore) result = await Maintenance(Ledger(table, LedgerIndexStep.Complete)).RunAsync(NoLimit, default);
            scanned += result.Scanned;
        }
        while (result.HasMore && runs < 100);

        Assert.Equal(50, scanned);
        Assert.Equal(50, (await Ledger(table).CountAsync(default)).States.Values.Sum());
    }

    [Fact]
    public async Task Counts_by_state_reason_code_and_type_with_the_time_of_the_count()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        Assert.False((await ledger.CountAsync(default)).IsComplete);
        await SynchronizeAsync(ledger, "1");
        await SynchronizeAsync(ledger, "2");
        await ledger.AcceptAsync([_submissions.Of("3", "A", 1, "MOVIE")], default);
        var leased = (await ledger.LeaseAsync("3", Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Parked(leased, _time.GetUtcNow(), ParkReason.Rejected), default);

        await Maintenance(ledger).RunAsync(NoLimit, default);
        var counts = await ledger.CountAsync(default);

        Assert.Equal((2, 1, 1), (counts.States[SyncState.Synchronized], counts.States[SyncState.Parked], counts.ParkReasons[ParkReason.Rejected]));
        Assert.Equal(["MOVIE 1", "SKU 2"], counts.Types.Select(type => $"{type.Key} {type.Value}"));
        Assert.Equal(["CONTENT_RISKY 1"], counts.Codes.Select(code => $"{code.Key} {code.Value}"));
        Assert.Equal((_time.GetUtcNow(), _time.GetUtcNow(), true), (counts.OutOfSyncAt, counts.InSyncAt, counts.IsComplete));
    }

    [Fact]
    public async Task Searches_what_no_index_contains_at_most_20_requests_per_page_and_says_how_far()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        await SynchronizeAsync(ledger, "movie-in-sync");
        var (after, searched, found) = ((string?)null, 0.0, 0);
        do
        {
            var before = _storage.Counter.Requests;
            var page = await ledger.PageAsync(new SyncRecordFilter { State = SyncState.Synchronized }, after, 50, default);
            Assert.True(_storage.Counter.Requests - before <= 20);
            Assert.True(page.Searched > searched);
            (after, searched, found) = (page.Next, page.Searched!.Value, found + page.Items.Count);
        }
        while (after is not null);

        Assert.Equal((1.0, 1), (searched, found));
    }

    [Fact]
    public async Task Finds_ids_by_prefix_with_at_most_260_requests()
    {
        var table = _storage.Table();
        var ledger = Ledger(table);
        await ledger.CreateIfNotExistsAsync(default);
        foreach (var id in (string[])["a.1", "a.字", "a/2", "b"]) await SynchronizeAsync(ledger, id);
        var before = _storage.Counter.Requests;

        var page = await ledger.PageAsync(new SyncRecordFilter { IdPrefix = "a." }, null, 50, default);

        Assert.Equal(["a.1", "a.字"], page.Items.Select(item => item.ContentId).Order(StringComparer.Ordinal));
        Assert.True(_storage.Counter.Requests - before <= 260);
        Assert.Null(page.Next);
    }

    private TableLedger Ledger(TableClient table, LedgerIndexStep step = LedgerIndexStep.Auto) => new(table, new RealWaits(_time), null, step);

    private TableLedgerMaintenance Maintenance(TableLedger ledger) => new(ledger, _time, new RetentionOptions());

    /// <summary>A table as an earlier version left it: records without the property that tells of an index row.</summary>
    private async Task<TableClient> OldTableAsync(int items)
    {
        var table = _storage.Table();
        await table.CreateAsync();
        for (var i = 0; i < items; i++)
        {
            var submission = _submissions.Of($"old-{i}", "A", 1);
            var (record, _) = SyncTransitions.Accept(null, submission, _time.GetUtcNow());
            _ = TableLedgerKey.TryOf(submission.Item.ContentId, out var key);
            var state = i % 3 == 0 ? SyncState.Pending : SyncState.Synchronized;
            var entity = TableLedgerEntity.Of(record! with { State = state }, key!.Value, "w", withBody: true);
            entity.Remove("HasIndexRow");
            await table.AddEntityAsync(entity);
        }

        return table;
    }

    private async Task SynchronizeAsync(TableLedger ledger, string id)
    {
        await ledger.AcceptAsync([_submissions.Of(id, "A", 1)], default);
        var leased = (await ledger.LeaseAsync(id, Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);
    }

    private async Task ChangeAsync(TableLedger ledger, string id, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                await ledger.AcceptAsync([_submissions.Of(id, $"C{random.Next()}", random.Next(1_000)), _submissions.Of(id + "b", "A", 1)], default);
                break;
            case 1:
                await ledger.ReplayAsync(id, TimeSpan.Zero, default);
                break;
            case 2:
                await ledger.RefuseAsync(id, TestSubmissions.Numbered(random.Next(1_000)), "too-large", "It is too large.", default);
                break;
            default:
                if ((await ledger.LeaseAsync(id, Duration, default)).Record is not { Lease: not null } leased) return;
                var outcome = random.Next(3) switch
                {
                    0 => AttemptOutcomes.Parked(leased, _time.GetUtcNow(), ParkReason.AgeExceeded),
                    1 => AttemptOutcomes.RetryAt(leased, _time.GetUtcNow(), _time.GetUtcNow()),
                    _ => AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()),
                };
                await ledger.RecordAsync(leased, outcome, default);
                break;
        }
    }

    private static async Task<List<string>> PendingAsync(ISyncLedger ledger)
    {
        var pending = ledger.ListItemsAsync(new SyncRecordFilter { State = SyncState.Pending }, default);
        return await pending.Select(item => item.ContentId).Order(StringComparer.Ordinal).ToListAsync();
    }

    private static async Task<Dictionary<string, ListedItem>> RowsAsync(TableClient table) =>
        await table.QueryAsync<TableEntity>("RowKey ge '~n' and RowKey lt '~o'")
            .Select(TableLedgerIndexRow.Read)
            .ToDictionaryAsync(row => row.ContentId);

    /// <summary>Compares the index with a full scan.</summary>
    private static async Task AssertIndexIsRightAsync(TableClient table)
    {
        var rows = await RowsAsync(table);
        var records = 0;
        await foreach (var entity in table.QueryAsync<TableEntity>("RowKey lt '~g'"))
        {
            records++;
            var record = TableLedgerEntity.Read(entity);
            Assert.Equal(record.State is SyncState.Pending or SyncState.Parked || record.IsStale, rows.ContainsKey(record.ContentId));
            Assert.Equal(rows.ContainsKey(record.ContentId), record.HasIndexRow);
            if (rows.Remove(record.ContentId, out var row)) Assert.True(TableLedgerIndexRow.IsSame(ListedItem.Of(record), row), record.ContentId);
        }

        Assert.Empty(rows);
        Assert.NotEqual(0, records);
    }

    private sealed class ListQueue : ISyncQueue
    {
        public List<SyncMessage> Messages { get; } = [];

        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            Messages.AddRange(messages);
            return ValueTask.CompletedTask;
        }
    }
}
