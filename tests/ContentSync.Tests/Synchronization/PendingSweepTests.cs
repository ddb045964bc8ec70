using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Synchronization;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization;

public sealed class PendingSweepTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryLedger _ledger;
    private readonly CircuitBreaker _breaker;
    private readonly ListQueue _queue = new();
    private readonly SendSwitch _switch;
    private readonly PendingSweep _sweep;

    public PendingSweepTests()
    {
        _ledger = new MemoryLedger(_time);
        _breaker = new CircuitBreaker(new RecoverabilityOptions(), _time);
        _switch = new SendSwitch(_time, new MemorySendStateStore(_time));
        _sweep = new PendingSweep(
            _ledger, _queue, new SharedCircuitBreaker(_breaker, _switch, new RecoverabilityOptions(), new RequestIdSource(), _time), _switch, _time);
    }

    [Fact]
    public async Task Enqueues_items_that_are_pending_past_the_grace_period()
    {
        await AcceptAsync(3);
        Assert.Equal(0, (await _sweep.RunAsync(TimeSpan.FromMinutes(1), default)).Enqueued);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(new SweepResult(3, TimeSpan.FromMinutes(1)), await _sweep.RunAsync(TimeSpan.FromMinutes(1), default));
        Assert.Equal(["c0", "c1", "c2"], _queue.Messages.Select(message => message.ContentId).Order());
    }

    [Fact]
    public async Task Leaves_a_leased_item_alone_until_the_lease_expires()
    {
        await AcceptAsync(1);
        await _ledger.LeaseAsync("c0", TimeSpan.FromMinutes(1), default);
        Assert.Equal(0, (await _sweep.RunAsync(TimeSpan.Zero, default)).Enqueued);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, (await _sweep.RunAsync(TimeSpan.Zero, default)).Enqueued);
    }

    [Fact]
    public async Task Enqueues_a_few_probes_while_the_circuit_breaker_is_open()
    {
        await AcceptAsync(50);
        Assert.True(_breaker.TryEnter("c0", out var permit, out _));
        var refused = new SynchronizeResult(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "")
        {
            Verification = SignatureVerification.Valid,
        };
        _breaker.Report(permit, "c0", refused, isItemAtFault: false);
        Assert.InRange((await _sweep.RunAsync(TimeSpan.Zero, default)).Enqueued, 1, 10);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("SKU")]
    public async Task Enqueues_no_item_whose_sending_is_paused_and_all_of_them_afterwards(string? contentType)
    {
        await AcceptAsync(3);
        await _switch.PauseAsync(contentType, "a fault", "Mei", default);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(new SweepResult(0, TimeSpan.FromMinutes(1)), await _sweep.RunAsync(TimeSpan.Zero, default));
        await _switch.ResumeAsync(contentType, default);
        Assert.Equal(3, (await _sweep.RunAsync(TimeSpan.Zero, default)).Enqueued);
    }

    [Fact]
    public async Task Calls_the_queue_only_for_items()
    {
        await _sweep.RunAsync(TimeSpan.Zero, default);
        Assert.Equal(0, _queue.Calls);
        await AcceptAsync(257);
        await _sweep.RunAsync(TimeSpan.Zero, default);
        Assert.Equal(2, _queue.Calls);
    }

    private async Task AcceptAsync(int count)
    {
        var submissions = new TestSubmissions();
        await _ledger.AcceptAsync([.. Enumerable.Range(0, count).Select(i => submissions.Of($"c{i}", "content", 1))], default);
    }

    private sealed class ListQueue : ISyncQueue
    {
        public List<SyncMessage> Messages { get; } = [];

        public int Calls { get; private set; }

        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
        {
            Calls++;
            Messages.AddRange(messages);
            return ValueTask.CompletedTask;
        }
    }
}
