using ContentSync.Ledger;
using ContentSync.Synchronization;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization;

public sealed class ParkedReplayTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.Zero };
    private readonly MemoryLedger _ledger;
    private readonly RecordingQueue _queue = new();
    private readonly ParkedReplay _replay;

    public ParkedReplayTests()
    {
        _ledger = new MemoryLedger(_time);
        _replay = new ParkedReplay(_ledger, _queue, new ReplayOptions { PerSecond = 2 }, _time);
    }

    [Fact]
    public async Task Lists_parked_items_with_what_a_person_needs_to_decide()
    {
        var acceptedAt = _time.GetUtcNow();
        await ParkAsync("c1", ParkReason.Rejected, "CONTENT_RISKY");
        await AcceptAsync("pending");
        var parked = Assert.Single(await ListAsync(new ParkedFilter()));
        Assert.Equal(
            ("c1", "SKU", "1", ParkReason.Rejected, "CONTENT_RISKY", "returned CONTENT_RISKY", 1, "tracer-1"),
            (parked.ContentId, parked.ContentType, parked.Revision, parked.Reason, parked.Code, parked.Message, parked.Attempts, parked.TracerId));
        Assert.Equal((acceptedAt, (DateTimeOffset?)_time.GetUtcNow()), (parked.AcceptedAt, parked.ParkedAt));
    }

    [Fact]
    public async Task Filters_by_id_code_reason_and_time()
    {
        await ParkAsync("early", ParkReason.Rejected, "PARAM_ILLEGAL");
        _time.Advance(TimeSpan.FromHours(1));
        var middle = _time.GetUtcNow();
        await ParkAsync("late", ParkReason.AttemptsExhausted, "Timeout");

        Assert.Equal(["late"], await IdsAsync(new ParkedFilter { ContentIds = ["late", "late", "unknown"] }));
        Assert.Equal(["early"], await IdsAsync(new ParkedFilter { Code = "PARAM_ILLEGAL" }));
        Assert.Equal(["late"], await IdsAsync(new ParkedFilter { Reason = ParkReason.AttemptsExhausted }));
        Assert.Equal(["late"], await IdsAsync(new ParkedFilter { From = middle }));
        Assert.Equal(["early"], await IdsAsync(new ParkedFilter { To = middle }));
        Assert.Empty(await IdsAsync(new ParkedFilter { ContentIds = ["early"], Code = "Timeout" }));
    }

    [Fact]
    public async Task A_filter_matches_by_every_member_and_has_the_ledger_select_by_reason_and_code()
    {
        await ParkAsync("c1", ParkReason.Rejected, "CONTENT_RISKY");
        var item = ListedItem.Of((await _ledger.FindAsync("c1", default))!);
        var now = _time.GetUtcNow();
        Assert.True(new ParkedFilter { ContentIds = ["c1"], Reason = ParkReason.Rejected, Code = "CONTENT_RISKY", From = now }.Matches(item));
        Assert.False(new ParkedFilter { ContentIds = ["c2"] }.Matches(item));
        Assert.False(new ParkedFilter { Reason = ParkReason.AttemptsExhausted }.Matches(item));
        Assert.False(new ParkedFilter { Code = "Timeout" }.Matches(item));
        Assert.False(new ParkedFilter { From = now.AddTicks(1) }.Matches(item));
        Assert.False(new ParkedFilter { To = now }.Matches(item));
        Assert.False(new ParkedFilter().Matches(item with { State = SyncState.Pending }));
        Assert.Equal(
            new SyncRecordFilter { State = SyncState.Parked, ParkReason = ParkReason.Rejected, ResultCode = "A" },
            new ParkedFilter { Reason = ParkReason.Rejected, Code = "A" }.Records);
    }

    [Fact]
    public async Task Changes_nothing_in_a_dry_run()
    {
        await ParkAsync("c1", ParkReason.Rejected, "CONTENT_RISKY");
        Assert.Equal(new ReplayResult(1, 0, 0), await _replay.RunAsync(new ParkedFilter(), isDryRun: true, default));
        Assert.Equal(SyncState.Parked, (await _ledger.FindAsync("c1", default))!.State);
        Assert.Empty(_queue.Messages);
    }

    [Fact]
    public async Task Replays_with_all_attempts_and_a_new_MessageId()
    {
        var parked = await ParkAsync("c1", ParkReason.AttemptsExhausted, "Timeout");
        await _replay.RunAsync(new ParkedFilter { ContentIds = ["c1"] }, isDryRun: false, default).WaitAsync(_time);
        var record = (await _ledger.FindAsync("c1", default))!;
        Assert.Equal((SyncState.Pending, 0, parked.RequestId), (record.State, record.Attempts, record.RequestId));
        Assert.True(record.Hop > parked.Hop);
        Assert.Equal(new SyncMessage("c1", parked.RequestId, record.Hop, TimeSpan.Zero), Assert.Single(_queue.Messages));
    }

    [Fact]
    public async Task Sends_an_item_once_when_run_twice()
    {
        await ParkAsync("c1", ParkReason.AttemptsExhausted, "Timeout");
        Assert.Equal(1, (await _replay.RunAsync(new ParkedFilter(), isDryRun: false, default).WaitAsync(_time)).Replayed);
        Assert.Equal(new ReplayResult(0, 0, 0), await _replay.RunAsync(new ParkedFilter(), isDryRun: false, default));
        Assert.Single(_queue.Messages);
    }

    [Fact]
    public async Task Does_not_exceed_its_rate()
    {
        for (var i = 0; i < 5; i++) await ParkAsync($"c{i}", ParkReason.Rejected, "CONTENT_RISKY");
        var began = _time.GetUtcNow();
        var run = _replay.RunAsync(new ParkedFilter(), isDryRun: false, default);
        for (var sent = 1; sent <= 5; sent++)
        {
            while (_queue.Messages.Count < sent) await PassAsync();
            var elapsed = _time.GetUtcNow() - began;
            Assert.True(elapsed >= (sent - 1) * TimeSpan.FromMilliseconds(500), $"{sent} were sent after {elapsed}");
        }

        Assert.Equal(5, (await run.WaitAsync(_time)).Replayed);
    }

    [Fact]
    public async Task Leaves_an_item_to_the_sweep_if_the_queue_does_not_accept_it()
    {
        await ParkAsync("c1", ParkReason.Rejected, "CONTENT_RISKY");
        _queue.Fault = new QueueUnavailableException("away");
        Assert.Equal(new ReplayResult(1, 1, 1), await _replay.RunAsync(new ParkedFilter(), isDryRun: false, default).WaitAsync(_time));
        Assert.Equal(SyncState.Pending, (await _ledger.FindAsync("c1", default))!.State);
    }

    // The continuation of a timer may run on another thread.
    private async Task PassAsync()
    {
        _time.Advance(TimeSpan.FromMilliseconds(10));
        await Task.Delay(1);
    }

    private async Task<List<string>> IdsAsync(ParkedFilter filter) => [.. (await ListAsync(filter)).Select(parked => parked.ContentId)];

    private async Task<List<ParkedItem>> ListAsync(ParkedFilter filter)
    {
        var all = new List<ParkedItem>();
        await foreach (var parked in _replay.ListAsync(filter, default)) all.Add(parked);
        return all;
    }

    private async Task AcceptAsync(string contentId) =>
        await _ledger.AcceptAsync([new TestSubmissions().Of(contentId, "content", 1)], default);

    private async Task<SyncRecord> ParkAsync(string contentId, ParkReason reason, string code)
    {
        await AcceptAsync(contentId);
        var leased = (await _ledger.LeaseAsync(contentId, TimeSpan.FromMinutes(1), default)).Record!;
        return (await _ledger.RecordAsync(leased, AttemptOutcomes.Parked(leased, _time.GetUtcNow(), reason, code), default)).Record;
    }

    private sealed class RecordingQueue : ISyncQueue
    {
        public List<SyncMessage> Messages { get; } = [];

        public QueueUnavailableException? Fault { get; set; }

        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            if (Fault is not null) throw Fault;
            Messages.AddRange(messages);
            return ValueTask.CompletedTask;
        }
    }
}

file static class FakeTimeWaits
{
    /// <summary>Advances the fake time until the task has completed.</summary>
    public static async Task<T> WaitAsync<T>(this Task<T> task, FakeTimeProvider time)
    {
        while (!task.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        return await task;
    }
}
