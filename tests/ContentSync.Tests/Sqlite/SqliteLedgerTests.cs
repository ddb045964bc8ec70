using ContentSync.Ledger;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Sqlite;

public sealed class SqliteLedgerTests : IDisposable
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly TestSubmissions _submissions = new();
    private readonly TemporaryFolder _folder = new();

    private SqliteLedgerOptions Options => new(_folder.File("data/ledger.db")) { Durability = LedgerDurability.ProcessEnd };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Keeps_its_records_across_a_restart()
    {
        SyncRecord pending, synchronized, parked;
        await using (var before = await OpenAsync(Options with { Durability = LedgerDurability.PowerLoss }))
        {
            pending = (await before.AcceptAsync([Version("pending", "A", 1)], default))[0].Record;
            synchronized = await AttemptAsync(before, "synchronized", l => AttemptOutcomes.Synchronized(l, _time.GetUtcNow()));
            parked = await AttemptAsync(before, "parked", l => AttemptOutcomes.Parked(l, _time.GetUtcNow(), ParkReason.AgeExceeded));
        }

        await using var after = await OpenAsync(Options);
        foreach (var record in new[] { pending, synchronized, parked })
        {
            var found = await after.FindAsync(record.ContentId, default);
            Assert.Equal(record with { Body = default }, found! with { Body = default });
            Assert.Equal(record.Body.ToArray(), found.Body.ToArray());
        }
    }

    [Fact]
    public async Task Remembers_a_lease_whose_row_has_left_the_cache()
    {
        await using var ledger = await OpenAsync(Options);
        await ledger.AcceptAsync([Version("leased", "A", 1)], default);
        var leased = (await ledger.LeaseAsync("leased", Duration, default)).Record!;
        for (var batch = 0; batch < 20; batch++)
            await ledger.AcceptAsync([.. Enumerable.Range(0, 500).Select(i => Version($"{batch}-{i}", "A", 1))], default);

        Assert.Equal(LeaseStatus.Busy, (await ledger.LeaseAsync("leased", Duration, default)).Status);
        Assert.Equal(leased.Lease, (await ledger.FindAsync("leased", default))!.Lease);
        var outcome = AttemptOutcomes.Synchronized(leased, _time.GetUtcNow());
        Assert.Equal(RecordStatus.Recorded, (await ledger.RecordAsync(leased, outcome, default)).Status);
        Assert.Equal((null, 1), ((await ledger.FindAsync("leased", default))!.Lease, (await ledger.FindAsync("leased", default))!.Attempts));
    }

    [Fact]
    public async Task Admits_one_owner_and_names_it_to_a_second_one()
    {
        await using (var first = await OpenAsync(Options))
        {
            var refused = await Assert.ThrowsAsync<DataInUseException>(() => OpenAsync(Options));

            Assert.Contains(Options.Path, refused.Message, StringComparison.Ordinal);
            Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
            Assert.Equal(AcceptanceKind.Accepted, (await first.AcceptAsync([Version("1", "A", 1)], default))[0].Kind);
        }

        await using var next = await OpenAsync(Options);
        Assert.NotNull(await next.FindAsync("1", default));
    }

    [Fact]
    public async Task Can_be_read_while_it_has_an_owner()
    {
        await using var owner = await OpenAsync(Options);
        await using var reader = await SqliteLedger.OpenReadOnlyAsync(Options, default);
        await owner.AcceptAsync([Version("1", "A", 1), Version("2", "A", 1)], default);

        Assert.Equal("1", (await reader.FindAsync("1", default))!.ContentId);
        Assert.Equal([new StateCount(SyncState.Pending, null, 2)], await reader.CountByStateAsync(default));
        var listed = 0;
        await foreach (var record in reader.ListAsync(new SyncRecordFilter(), default)) { listed++; }
        Assert.Equal(2, listed);
    }

    [Fact]
    public async Task Can_be_read_without_an_owner()
    {
        await using (var owner = await OpenAsync(Options)) { await owner.AcceptAsync([Version("1", "A", 1)], default); }

        await using var reader = await SqliteLedger.OpenReadOnlyAsync(Options, default);

        Assert.NotNull(await reader.FindAsync("1", default));
    }

    [Fact]
    public async Task Reports_the_path_of_a_missing_ledger()
    {
        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(() => SqliteLedger.OpenReadOnlyAsync(Options, default));

        Assert.StartsWith($"There is no ledger at {Options.Path}", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Options.Path));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    public async Task Refuses_a_ledger_written_by_a_newer_program(int version)
    {
        await using (await OpenAsync(Options)) { }
        using (var database = SqliteDatabase.Open(Options.Path, SqliteAccess.Write, TimeSpan.Zero)) { database.Execute($"PRAGMA user_version = {version}"); }

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(() => OpenAsync(Options));

        Assert.Contains($"written by a newer program (schema {version}", fault.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => SqliteLedger.OpenReadOnlyAsync(Options, default));
    }

    [Fact]
    public async Task Refuses_the_database_of_another_program_and_does_not_change_it()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Options.Path)!);
        using (var database = SqliteDatabase.Open(Options.Path, SqliteAccess.Write, TimeSpan.Zero))
            database.Execute("CREATE TABLE theirs (id INTEGER)");

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(() => OpenAsync(Options));

        Assert.Contains("is not a ledger", fault.Message, StringComparison.Ordinal);
        using var after = SqliteDatabase.Open(Options.Path, SqliteAccess.Write, TimeSpan.Zero);
        Assert.Equal(1, after.Number("SELECT count(*) FROM sqlite_schema"));
        Assert.Equal(0, after.Number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"));
    }

    [Fact]
    public async Task Refuses_a_file_that_is_not_a_database()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Options.Path)!);
        await File.WriteAllTextAsync(Options.Path, string.Concat(Enumerable.Repeat("contentId,price\n", 400)));

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(() => OpenAsync(Options));

        Assert.Equal($"The file {Options.Path} is not a ledger; choose another folder, or move the file away.", fault.Message);
    }

    [Fact]
    public async Task Reports_a_folder_that_cannot_be_created()
    {
        await File.WriteAllTextAsync(_folder.File("data"), "a file where the folder should be");

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(() => OpenAsync(Options));

        Assert.Contains(Options.Path, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_a_full_disk_and_continues_once_there_is_space()
    {
        var body = new byte[40_000];
        Submission Large(int i) => Version($"large-{i}", "A", 1) with { Prepare = _ => new PreparedRequest("r", body) };
        await using (var full = await OpenAsync(Options with { MaxPages = 60 }))
        {
            await full.AcceptAsync([Version("1", "A", 1), Version("2", "A", 1)], default);
            var leased = (await full.LeaseAsync("1", Duration, default)).Record!;

            var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(
                async () => await full.AcceptAsync([.. Enumerable.Range(0, 20).Select(Large)], default));

            Assert.Equal($"There is no space left on the disk that holds {Options.Path}; free some and try again.", fault.Message);
            var outcome = AttemptOutcomes.Synchronized(leased, _time.GetUtcNow());
            Assert.Equal(RecordStatus.Recorded, (await full.RecordAsync(leased, outcome, default)).Status);
            Assert.Equal(AcceptanceKind.Accepted, (await full.AcceptAsync([Version("3", "A", 1)], default))[0].Kind);
            Assert.Equal(
                [new StateCount(SyncState.Pending, null, 2), new StateCount(SyncState.Synchronized, null, 1)],
                await full.CountByStateAsync(default));
        }

        await using var roomy = await OpenAsync(Options);
        Assert.All(await roomy.AcceptAsync([.. Enumerable.Range(0, 20).Select(Large)], default), a => Assert.Equal(AcceptanceKind.Accepted, a.Kind));
        Assert.Equal(SyncState.Synchronized, (await roomy.FindAsync("1", default))!.State);
    }

    [Fact]
    public async Task Drops_its_cache_after_a_failed_transaction()
    {
        await using var ledger = await OpenAsync(Options with { MaxPages = 60 });
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var body = new byte[400_000];
        var large = Version("large", "A", 1) with { Prepare = _ => new PreparedRequest("r", body) };
        Submission[] doomed = [Version("1", "B", 2), Version("new", "A", 1), large];

        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync(doomed, default));
        var leased = (await ledger.LeaseAsync("1", Duration, default)).Record!;

        Assert.Equal((TestSubmissions.Numbered(1), TestSubmissions.HashOf("A")), (leased.Version, leased.Hash));
        Assert.Equal(TestSubmissions.BodyOf("A"), leased.Body.ToArray());
        Assert.Equal(LeaseStatus.NotFound, (await ledger.LeaseAsync("new", Duration, default)).Status);
    }

    [Fact]
    public async Task A_failed_transaction_of_items_that_may_still_take_effect_leaves_the_list_as_it_was()
    {
        var options = Options with { LateEffectWindow = TimeSpan.FromMinutes(5), MaxPages = 60 };
        await using (var killed = await OpenAsync(options))
        {
            await killed.AcceptAsync([Version("1", "A", 1)], default);
            await killed.LeaseAsync("1", Duration, default);
        }

        await using var ledger = await OpenAsync(options);
        var before = await ledger.ListItemsAsync(new SyncRecordFilter(), default).ToListAsync();
        var large = Version("large", "A", 1) with { Prepare = _ => new PreparedRequest("r", new byte[400_000]) };

        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync([Version("1", "B", 2), large], default));

        Assert.Equal(before, await ledger.ListItemsAsync(new SyncRecordFilter(), default).ToListAsync());
    }

    [Fact]
    public async Task A_failed_transaction_gives_no_ended_attempt_its_lease_back()
    {
        await using var ledger = await OpenAsync(Options with { MaxPages = 60 });
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync("1", Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);
        var large = Version("large", "A", 1) with { Prepare = _ => new PreparedRequest("r", new byte[400_000]) };

        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync([large], default));
        await ledger.AcceptAsync([Version("1", "B", 2)], default);

        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync("1", Duration, default)).Status);
    }

    [Fact]
    public async Task Reports_that_another_program_has_locked_the_file_and_continues_afterwards()
    {
        await using var ledger = await OpenAsync(Options with { BusyTimeout = TimeSpan.Zero });
        using (var other = SqliteDatabase.Open(Options.Path, SqliteAccess.Write, TimeSpan.Zero))
        {
            other.Execute("BEGIN IMMEDIATE");
            var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync([Version("1", "A", 1)], default));
            Assert.Equal($"Another program has the ledger {Options.Path} locked; close it and try again.", fault.Message);
        }

        Assert.Equal(AcceptanceKind.Accepted, (await ledger.AcceptAsync([Version("1", "A", 1)], default))[0].Kind);
    }

    [Fact]
    public async Task Sends_an_item_that_was_to_be_retried_by_a_clock_far_ahead()
    {
        await using (var before = await OpenAsync(Options)) { await before.AcceptAsync([Version("1", "A", 1)], default); }
        var ahead = _time.GetUtcNow().AddDays(400);
        await using (var wrong = await SqliteLedger.OpenAsync(Options, new FakeTimeProvider(ahead), default))
        {
            await wrong.AcceptAsync([Version("2", "A", 1)], default);
            var leased = (await wrong.LeaseAsync("1", Duration, default)).Record!;
            await wrong.RecordAsync(leased, AttemptOutcomes.RetryAt(leased, ahead, ahead.AddMinutes(1)), default);
        }

        await using var ledger = await OpenAsync(Options);

        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync("1", Duration, default)).Status);
        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync("2", Duration, default)).Status);
    }

    [Fact]
    public async Task Counts_records_by_state_and_reason_at_every_step()
    {
        await using var ledger = await OpenAsync(Options);
        Assert.Empty(await ledger.CountByStateAsync(default));
        await AttemptAsync(ledger, "1", l => AttemptOutcomes.Synchronized(l, _time.GetUtcNow()));
        await AttemptAsync(ledger, "2", l => AttemptOutcomes.Parked(l, _time.GetUtcNow(), ParkReason.Rejected));
        await AttemptAsync(ledger, "3", l => AttemptOutcomes.Parked(l, _time.GetUtcNow(), ParkReason.AgeExceeded));
        await AttemptAsync(ledger, "4", l => AttemptOutcomes.RetryAt(l, _time.GetUtcNow(), _time.GetUtcNow()));
        await ledger.AcceptAsync([Version("1", "B", 2), Version("2", "A", 2), Version("5", "A", 1), Version("5", "A", 1)], default);
        await ledger.ReplayAsync("3", TimeSpan.Zero, default);

        Assert.Equal(
            [new StateCount(SyncState.Pending, null, 4), new StateCount(SyncState.Parked, ParkReason.Rejected, 1)],
            await ledger.CountByStateAsync(default));
    }

    [Fact]
    public async Task Counts_records_by_type_at_every_step_and_after_it_is_opened_again()
    {
        await using (var ledger = await OpenAsync(Options))
        {
            await ledger.AcceptAsync([Version("1", "A", 1), Version("2", "A", 1), _submissions.Of("3", "A", 1, "MOVIE")], default);
            Assert.Equal("MOVIE 1, SKU 2", await TypesAsync(ledger));

            // A new version counts as the same item, also if its type differs.
            await ledger.AcceptAsync([Version("1", "B", 2), _submissions.Of("2", "B", 2, "MOVIE")], default);
            Assert.Equal("MOVIE 2, SKU 1", await TypesAsync(ledger));
        }

        await using var reopened = await OpenAsync(Options);
        await reopened.AcceptAsync([Version("4", "A", 1)], default);
        Assert.Equal("MOVIE 2, SKU 2", await TypesAsync(reopened));

        static async Task<string> TypesAsync(SqliteLedger ledger) =>
            string.Join(", ", (await ledger.CountAsync(default)).Types.Select(type => $"{type.Key} {type.Value}"));
    }

    [Fact]
    public async Task Finds_an_item_that_was_evicted_from_the_cache()
    {
        await using var ledger = await OpenAsync(Options);
        var first = (await ledger.AcceptAsync([Version("first", "A", 1)], default))[0].Record;
        var leased = (await ledger.LeaseAsync("first", Duration, default)).Record!;
        for (var i = 0; i < 10; i++) { await ledger.AcceptAsync([.. Enumerable.Range(i * 500, 500).Select(n => Version($"{n}", "A", 1))], default); }

        var result = await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);

        Assert.Equal((RecordStatus.Recorded, first.RequestId), (result.Status, result.Record.RequestId));
        Assert.Equal(first.Body.ToArray(), result.Record.Body.ToArray());
    }

    [Fact]
    public async Task Finishes_enqueued_calls_before_it_closes_and_refuses_later_ones()
    {
        var ledger = await OpenAsync(Options);
        var calls = Enumerable.Range(0, 200).Select(i => ledger.AcceptAsync([Version($"{i}", "A", 1)], default).AsTask()).ToArray();

        await ledger.DisposeAsync();

        Assert.All(await Task.WhenAll(calls), a => Assert.Equal(AcceptanceKind.Accepted, a[0].Kind));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await ledger.AcceptAsync([Version("late", "A", 1)], default));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await ledger.FindAsync("1", default));
        Assert.False(File.Exists(Options.Path + "-wal"));
    }

    [Fact]
    public async Task Loses_no_acknowledged_write_when_it_is_killed_during_a_transaction()
    {
        // Requests are prepared on the writer thread, inside the transaction, so the files copied there are what a kill at that moment
        // leaves. The small log makes checkpoints happen before and between the copies.
        var random = new Random(20260301);
        await using var ledger = await OpenAsync(Options with { CheckpointPages = 20 });
        var acknowledged = new List<string>();
        for (var kill = 0; kill < 30; kill++)
        {
            for (var i = random.Next(8); i >= 0; i--)
            {
                var id = $"{kill}-{i}";
                await ledger.AcceptAsync([Version(id, "A", 1), Version(id, "B", 2)], default);
                acknowledged.Add(id);
            }

            var copy = _folder.File($"copy-{kill}.db");
            var torn = Version($"torn-{kill}", "A", 1);
            var killed = torn with
            {
                Prepare = item =>
                {
                    Copy(copy);
                    return torn.Prepare(item);
                },
            };
            await ledger.AcceptAsync([.. Enumerable.Range(0, random.Next(40)).Select(i => Version($"before-{kill}-{i}", "A", 1)), killed], default);

            await AssertHoldsAsync(copy, acknowledged, torn.Item.ContentId);
        }
    }

    [Fact]
    public async Task Loses_no_acknowledged_write_when_it_is_killed_while_writing()
    {
        // Without checkpoints the database file does not change and the log only grows, so a copy made while the writer runs has a log
        // that ends anywhere.
        await using var ledger = await OpenAsync(Options with { CheckpointPages = int.MaxValue });
        var random = new Random(20260302);
        var acknowledged = new List<string>();
        for (var kill = 0; kill < 12; kill++)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var writing = WriteAsync(ledger, $"{kill}", acknowledged, acknowledged.Count + random.Next(1, 100), reached);
            await reached.Task;
            List<string> before;
            lock (acknowledged) { before = [.. acknowledged]; }
            var copy = _folder.File($"copy-{kill}.db");
            Copy(copy);
            await writing;

            await AssertHoldsAsync(copy, before, torn: null);
        }
    }

    // Runs four concurrent writers with 30 items each and signals when the given number of items is acknowledged.
    private Task WriteAsync(SqliteLedger ledger, string name, List<string> acknowledged, int signalAt, TaskCompletionSource reached) =>
        Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 30; i++)
            {
                var id = $"{name}-{writer}-{i}";
                await ledger.AcceptAsync([Version(id, "A", 1), Version(id, "B", 2)], default);
                lock (acknowledged)
                {
                    acknowledged.Add(id);
                    if (acknowledged.Count == signalAt) reached.SetResult();
                }
            }
        })));

    private void Copy(string copy)
    {
        foreach (var suffix in new[] { "", "-wal" })
        {
            using var source = new FileStream(Options.Path + suffix, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var target = File.Create(copy + suffix);
            source.CopyTo(target);
        }
    }

    private async Task AssertHoldsAsync(string copy, IReadOnlyCollection<string> acknowledged, string? torn)
    {
        await using var survivor = await OpenAsync(new SqliteLedgerOptions(copy) { Durability = LedgerDurability.ProcessEnd });
        var stored = new Dictionary<string, SyncRecord>();
        await foreach (var record in survivor.ListAsync(new SyncRecordFilter(), default)) { stored.Add(record.ContentId, record); }

        foreach (var id in acknowledged)
        {
            Assert.True(stored.TryGetValue(id, out var record), $"{id} was acknowledged but is lost");
            Assert.Equal(TestSubmissions.HashOf("B"), record.Hash);
            Assert.Equal(TestSubmissions.BodyOf("B"), record.Body.ToArray());
        }

        Assert.False(torn is not null && stored.ContainsKey(torn), $"{torn} was never committed but is stored");
        Assert.Equal(stored.Count, (await survivor.CountByStateAsync(default)).Sum(c => c.Count));
        Assert.Equal(AcceptanceKind.Accepted, (await survivor.AcceptAsync([Version("after the kill", "A", 1)], default))[0].Kind);
    }

    private Task<SqliteLedger> OpenAsync(SqliteLedgerOptions options) => SqliteLedger.OpenAsync(options, _time, default);

    private Submission Version(string id, string content, long revision) => _submissions.Of(id, content, revision);

    private async Task<SyncRecord> AttemptAsync(SqliteLedger ledger, string id, Func<SyncRecord, AttemptOutcome> outcome)
    {
        await ledger.AcceptAsync([Version(id, "A", 1)], default);
        var leased = (await ledger.LeaseAsync(id, Duration, default)).Record!;
        return (await ledger.RecordAsync(leased, outcome(leased), default)).Record;
    }
}
