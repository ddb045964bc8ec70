using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Content;
using ContentSync.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Ledger;

/// <summary>What several ledgers in one table do at the same time, and what lost responses and conflicts do to them.</summary>
public abstract class TableLedgerConcurrencyContract : IAsyncLifetime
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly TestSubmissions _submissions = new();
    private readonly TableInterference _interference = new();
    private TableClient _table = null!;
    private TableLedger _ledger = null!;
    private TableLedger _other = null!;

    public async Task InitializeAsync()
    {
        _table = Table(_interference);
        _ledger = new TableLedger(_table, new RealWaits(_time));
        _other = new TableLedger(_table, new RealWaits(_time));
        await _ledger.CreateIfNotExistsAsync(default);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    /// <summary>A table that does not exist yet.</summary>
    private protected abstract TableClient Table(HttpPipelinePolicy? policy);

    [SkippableFact]
    public async Task Grants_one_of_two_ledgers_the_lease()
    {
        for (var round = 0; round < 20; round++)
        {
            var id = $"item-{round}";
            await _ledger.AcceptAsync([_submissions.Of(id, "A", 1)], default);

            var results = await Task.WhenAll(new[] { _ledger, _other }.Select(l => Task.Run(() => l.LeaseAsync(id, Duration, default).AsTask())));

            Assert.Equal([LeaseStatus.Granted, LeaseStatus.Busy], results.Select(a => a.Status).Order());
            Assert.Equal(1, (await _ledger.FindAsync(id, default))!.Attempts);
        }
    }

    [SkippableFact]
    public async Task Leases_what_was_accepted_just_now_without_reading_it()
    {
        var accepted = (await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default))[0].Record;
        var reads = _interference.Reads;

        var leased = await _ledger.LeaseAsync(accepted, Duration, default);

        Assert.Equal((LeaseStatus.Granted, 1, reads), (leased.Status, leased.Record!.Attempts, _interference.Reads));
        Assert.Equal(LeaseStatus.Busy, (await _other.LeaseAsync(accepted, Duration, default)).Status);
        Assert.Equal(RecordStatus.Recorded, (await _ledger.RecordAsync(leased.Record, AttemptOutcomes.Released(), default)).Status);
    }

    [SkippableFact]
    public async Task Leases_the_newer_version_if_one_was_accepted_since()
    {
        var accepted = (await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default))[0].Record;
        await _other.AcceptAsync([_submissions.Of("item", "B", 2)], default);

        var leased = await _ledger.LeaseAsync(accepted, Duration, default);

        Assert.Equal((LeaseStatus.Granted, TestSubmissions.Numbered(2)), (leased.Status, leased.Record!.Version));
        Assert.Equal(TestSubmissions.BodyOf("B"), leased.Record.Body.ToArray());
        Assert.Equal(leased.Record.Lease, (await _ledger.FindAsync("item", default))!.Lease);
    }

    [SkippableFact]
    public async Task Overwrites_no_record_that_changed_between_read_and_write()
    {
        await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        _interference.BeforeNextWrite(async () => await _other.AcceptAsync([_submissions.Of("item", "C", 3)], default));

        var ours = (await _ledger.AcceptAsync([_submissions.Of("item", "B", 2)], default))[0];

        Assert.Equal((AcceptanceKind.Superseded, TestSubmissions.Numbered(3)), (ours.Kind, ours.Record.Version));
        Assert.Equal(TestSubmissions.BodyOf("C"), (await _ledger.FindAsync("item", default))!.Body.ToArray());
    }

    [SkippableFact]
    public async Task Overwrites_no_record_of_a_transaction_that_changed_between_read_and_write()
    {
        var ids = InOnePartition(5);
        await _ledger.AcceptAsync([.. ids.Select(id => _submissions.Of(id, "A", 1))], default);
        _interference.BeforeNextWrite(async () => await _other.AcceptAsync([_submissions.Of(ids[2], "C", 3)], default));

        var ours = await _ledger.AcceptAsync([.. ids.Select(id => _submissions.Of(id, "B", 2))], default);

        Assert.Equal([2L, 2, 3, 2, 2], ours.Select(a => a.Record.Version.Number!.Value));
        Assert.Equal(AcceptanceKind.Superseded, ours[2].Kind);
        foreach (var result in ours) { Assert.Equal(result.Record.Version, (await _ledger.FindAsync(result.Record.ContentId, default))!.Version); }
        Assert.Equal(11, _submissions.Prepared);
    }

    [SkippableFact]
    public async Task Accepts_a_batch_while_another_ledger_writes_the_same_items()
    {
        var ids = InOnePartition(30);
        await _other.AcceptAsync([.. ids.Take(10).Select(id => _submissions.Of(id, "A", 1))], default);

        var ours = _ledger.AcceptAsync([.. ids.Select(id => _submissions.Of(id, "B", 2))], default).AsTask();
        var theirs = _other.AcceptAsync([.. ids.Select(id => _submissions.Of(id, "C", 3))], default).AsTask();
        await Task.WhenAll(ours, theirs);

        Assert.All(await theirs, a => Assert.Equal(AcceptanceKind.Accepted, a.Kind));
        Assert.All(await ours, a => Assert.True(a.Kind is AcceptanceKind.Accepted or AcceptanceKind.Superseded));
        foreach (var id in ids) { Assert.Equal(TestSubmissions.Numbered(3), (await _ledger.FindAsync(id, default))!.Version); }
    }

    [SkippableFact]
    public async Task Accepts_an_item_once_although_the_lost_response_made_the_client_send_it_twice()
    {
        _interference.LoseNextResponse();

        var acceptance = (await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default))[0];

        Assert.Equal((AcceptanceKind.Accepted, 1), (acceptance.Kind, _submissions.Prepared));
        Assert.Equal(acceptance.Record with { Body = default }, (await _ledger.FindAsync("item", default))! with { Body = default });
    }

    [SkippableFact]
    public async Task Accepts_a_whole_transaction_once_although_its_response_was_lost()
    {
        var ids = InOnePartition(5);
        await _ledger.AcceptAsync([_submissions.Of(ids[0], "A", 1)], default);
        _interference.LoseNextResponse();

        var acceptances = await _ledger.AcceptAsync([.. ids.Select(id => _submissions.Of(id, "B", 2))], default);

        Assert.All(acceptances, a => Assert.Equal(AcceptanceKind.Accepted, a.Kind));
        Assert.Equal(6, _submissions.Prepared);
        foreach (var acceptance in acceptances)
            Assert.Equal(acceptance.Record.ETag, (await _ledger.FindAsync(acceptance.Record.ContentId, default))!.ETag);
    }

    [SkippableFact]
    public async Task Grants_the_lease_whose_response_was_lost()
    {
        await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        _interference.LoseNextResponse();

        var result = await _ledger.LeaseAsync("item", Duration, default);

        Assert.Equal((LeaseStatus.Granted, 1), (result.Status, result.Record!.Attempts));
        Assert.Equal(RecordStatus.Recorded, (await _ledger.RecordAsync(result.Record, AttemptOutcomes.Released(), default)).Status);
    }

    [SkippableFact]
    public async Task Grants_the_lease_whose_response_was_lost_although_a_newer_version_was_accepted_before_the_retry()
    {
        await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        _interference.LoseNextResponse(async () => await _other.AcceptAsync([_submissions.Of("item", "B", 2)], default));

        var result = await _ledger.LeaseAsync("item", Duration, default);

        Assert.Equal((LeaseStatus.Granted, TestSubmissions.HashOf("B")), (result.Status, result.Record!.Hash));
        var outcome = AttemptOutcomes.Synchronized(result.Record, _time.GetUtcNow());
        Assert.Equal(RecordStatus.Recorded, (await _ledger.RecordAsync(result.Record, outcome, default)).Status);
    }

    [SkippableFact]
    public async Task Records_the_outcome_whose_response_was_lost()
    {
        await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        var leased = (await _ledger.LeaseAsync("item", Duration, default)).Record!;
        _interference.LoseNextResponse();

        var result = await _ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized), (result.Status, result.Record.State));
    }

    [SkippableFact]
    public async Task Replays_although_the_response_was_lost()
    {
        await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        var leased = (await _ledger.LeaseAsync("item", Duration, default)).Record!;
        await _ledger.RecordAsync(leased, AttemptOutcomes.Parked(leased, _time.GetUtcNow(), ParkReason.AgeExceeded), default);
        _interference.LoseNextResponse();

        Assert.Equal(SyncState.Pending, (await _ledger.ReplayAsync("item", TimeSpan.Zero, default))?.State);
    }

    [SkippableFact]
    public async Task Spends_five_transactions_on_an_item_from_its_acceptance_to_its_success()
    {
        var before = (_interference.Reads, _interference.Writes);

        await _ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default);
        var leased = (await _ledger.LeaseAsync("item", Duration, default)).Record!;
        await _ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);

        Assert.Equal((2, 3), (_interference.Reads - before.Reads, _interference.Writes - before.Writes));
    }

    [SkippableFact]
    public async Task Writes_items_of_one_partition_with_their_index_rows_a_hundred_entities_at_a_time()
    {
        var ids = InOnePartition(90);
        var before = _interference.Writes;

        await _ledger.AcceptAsync([.. ids.Select(id => _submissions.Of(id, "A", 1))], default);

        Assert.Equal(2, _interference.Writes - before);
        foreach (var id in ids) { Assert.NotNull(await _ledger.FindAsync(id, default)); }
    }

    [SkippableFact]
    public async Task Writes_nothing_for_items_that_do_not_change()
    {
        await _ledger.AcceptAsync([_submissions.Of("1", "A", 1), _submissions.Of("2", "A", 1)], default);
        var before = (_interference.Reads, _interference.Writes);

        await _ledger.AcceptAsync([_submissions.Of("1", "A", 1), _submissions.Of("2", "A", 1)], default);

        Assert.Equal((2, 0), (_interference.Reads - before.Reads, _interference.Writes - before.Writes));
    }

    [SkippableFact]
    public async Task Keeps_a_transaction_of_large_bodies_within_the_limit_of_the_service()
    {
        var ids = InOnePartition(9);
        var before = _interference.Writes;

        await _ledger.AcceptAsync([.. ids.Select((id, i) => WithBody(id, 1, Noise(600_000, i)))], default);

        Assert.Equal(3, _interference.Writes - before);
        for (var i = 0; i < ids.Length; i++) { Assert.Equal(Noise(600_000, i), (await _ledger.FindAsync(ids[i], default))!.Body.ToArray()); }
    }

    [SkippableFact]
    public async Task Keeps_nothing_of_a_longer_body_that_a_shorter_one_replaced()
    {
        await _ledger.AcceptAsync([WithBody("item", 1, Noise(200_000, 1))], default);
        await _ledger.AcceptAsync([WithBody("item", 2, Noise(70_000, 2))], default);

        Assert.Equal(Noise(70_000, 2), (await _ledger.FindAsync("item", default))!.Body.ToArray());
    }

    [SkippableFact]
    public async Task Refuses_a_body_that_does_not_fit_into_an_entity()
    {
        var refusal = await Assert.ThrowsAsync<BodyTooLargeException>(
            async () => await _ledger.AcceptAsync([WithBody("item", 1, Noise(800_000, 1))], default));

        Assert.Equal(("item", 800_000), (refusal.ContentId, refusal.Bytes));
        Assert.Contains("786432", refusal.Message, StringComparison.Ordinal);
        Assert.Null(await _ledger.FindAsync("item", default));
    }

    [SkippableFact]
    public async Task Refuses_an_id_that_does_not_fit_into_a_key()
    {
        var id = new string('字', ContentOptions.ContentIdLengthLimit + 1);

        await Assert.ThrowsAsync<ArgumentException>(
            async () => await _ledger.AcceptAsync([_submissions.Of("item", "A", 1), _submissions.Of(id, "A", 1)], default));
        Assert.Null(await _ledger.FindAsync("item", default));
        Assert.Null(await _ledger.FindAsync(id, default));
        Assert.Null(await _ledger.ReplayAsync(id, TimeSpan.Zero, default));
        Assert.Equal(LeaseStatus.NotFound, (await _ledger.LeaseAsync(id, Duration, default)).Status);
    }

    [SkippableFact]
    public async Task Says_that_the_table_is_missing()
    {
        var ledger = new TableLedger(Table(null), _time);

        var faults = new[]
        {
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.FindAsync("item", default)),
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default)),
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.ListAsync(new SyncRecordFilter(), default).AnyAsync()),
        };

        Assert.All(faults, f => Assert.Contains("does not exist", f.Message, StringComparison.Ordinal));
    }

    private static string[] InOnePartition(int count) =>
    [
        .. Enumerable.Range(0, int.MaxValue)
            .Select(i => $"item-{i}")
            .Where(id => TableLedgerKey.TryOf(id, out var key) && key.Value.Partition == "00")
            .Take(count),
    ];

    private Submission WithBody(string id, long revision, byte[] body) =>
        _submissions.Of(id, $"content {revision}", revision) with { Prepare = _ => new PreparedRequest($"r{revision}", body) };

    private static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
