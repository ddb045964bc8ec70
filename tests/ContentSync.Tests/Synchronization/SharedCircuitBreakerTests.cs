using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Synchronization;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization;

public sealed class SharedCircuitBreakerTests
{
    private static readonly SynchronizeResult Success = new(SynchronizeResultKind.Succeeded, "SUCCESS", "");
    private static readonly SynchronizeResult Failure = new(SynchronizeResultKind.Retryable, "Timeout", "late");
    private static readonly SynchronizeResult Fault =
        new(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "wrong key") { Verification = SignatureVerification.Valid };

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly RecoverabilityOptions _options = new();
    private readonly MemorySendStateStore _store;
    private readonly Instance _one;
    private readonly Instance _two;
    private readonly Instance _three;
    private int _items;

    public SharedCircuitBreakerTests()
    {
        _store = new MemorySendStateStore(_time);
        (_one, _two, _three) = (new Instance(this), new Instance(this), new Instance(this));
    }

    [Fact]
    public async Task A_trip_reaches_a_process_that_was_idle_before_its_first_send()
    {
        await TripAsync(_one);
        Assert.NotNull((await EnterAsync(_two)).Wait);
        Assert.Equal("INVALID_SIGNATURE", _two.Breaker.OpenState!.Code);
    }

    [Fact]
    public async Task A_trip_and_a_reset_reach_a_process_that_sends_within_ten_seconds()
    {
        Assert.Null((await EnterAsync(_two)).Wait);
        await TripAsync(_one);
        _time.Advance(SendSwitch.MaxAge);
        Assert.NotNull((await EnterAsync(_two)).Wait);
        _time.Advance(_options.ProbeInterval);
        await ReportAsync(_one, await EnterAsync(_one), Success);
        _time.Advance(SendSwitch.MaxAge);
        var entry = await EnterAsync(_two);
        Assert.Null(entry.Wait);
        Assert.False(entry.Permit.IsProbe);
    }

    [Fact]
    public async Task One_process_probes_at_a_time()
    {
        await TripAsync(_one);
        await EnterAsync(_two);
        await EnterAsync(_three);
        for (var round = 0; round < 5; round++)
        {
            _time.Advance(_options.ProbeInterval + TimeSpan.FromSeconds(1));
            var entries = new[] { await EnterAsync(_one), await EnterAsync(_two), await EnterAsync(_three) };
            var probe = Array.FindIndex(entries, entry => entry.Wait is null);
            Assert.Equal(1, entries.Count(entry => entry.Wait is null));
            Assert.True(entries[probe].Permit.IsProbe);
            await ReportAsync(new[] { _one, _two, _three }[probe], entries[probe], Failure);
        }
    }

    [Fact]
    public async Task No_other_process_probes_before_the_interval_is_over()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        await ReportAsync(_one, await EnterAsync(_one), Failure);
        _time.Advance(_options.ProbeInterval - TimeSpan.FromSeconds(2));
        Assert.NotNull((await EnterAsync(_two)).Wait);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Null((await EnterAsync(_two)).Wait);
    }

    [Fact]
    public async Task The_open_state_tells_since_when_the_app_is_open_on_every_process()
    {
        var since = _time.GetUtcNow();
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var probe = await EnterAsync(_one);
        await ReportAsync(_one, probe, Failure);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(since, (await _two.Breaker.OpenStateAsync(default))!.Since);
        Assert.Equal(since, (await _one.Breaker.OpenStateAsync(default))!.Since);
    }

    [Fact]
    public async Task The_sweep_of_a_process_that_sends_nothing_holds_back()
    {
        var ledger = new MemoryLedger(_time);
        var submissions = new TestSubmissions();
        await ledger.AcceptAsync([.. Enumerable.Range(0, 50).Select(i => submissions.Of($"c{i}", "content", 1))], default);
        await TripAsync(_one);
        var sweep = new PendingSweep(ledger, new CountingQueue(), _two.Breaker, _two.Switch, _time);
        Assert.InRange((await sweep.RunAsync(TimeSpan.Zero, default)).Enqueued, 1, 4);
        _time.Advance(_options.ProbeInterval);
        await ReportAsync(_one, await EnterAsync(_one), Success);
        Assert.Equal(50, (await sweep.RunAsync(TimeSpan.Zero, default)).Enqueued);
    }

    [Fact]
    public async Task The_probe_of_a_process_that_died_passes_to_another_when_its_lease_has_expired()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        Assert.Null((await EnterAsync(_one)).Wait);
        _time.Advance(_options.LeaseDuration);
        Assert.NotNull((await EnterAsync(_two)).Wait);
        _time.Advance(SendBudget.MaxClockDifference + TimeSpan.FromSeconds(1));
        Assert.Null((await EnterAsync(_two)).Wait);
    }

    [Fact]
    public async Task A_probe_that_froze_does_not_leave()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var claim = (await EnterAsync(_one)).Permit.Claim!;
        Assert.False(claim.IsOver);
        _time.Advance(_options.LeaseDuration);
        Assert.True(claim.IsOver);

        using var alipayHk = new FakeAlipayHk();
        using var client = alipayHk.Client();
        var result = await client.SynchronizeAsync(FakeAlipayHk.Body(), default, immediateRetries: false, claim);
        Assert.Equal((SynchronizeResultKind.SigningUnavailable, ClientCodes.SendBudgetSpent), (result.Kind, result.Code));
        Assert.False(result.MayTakeEffectLater);
        Assert.Empty(alipayHk.Sent);
    }

    [Fact]
    public async Task The_result_of_a_process_that_lost_the_probe_changes_nothing()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var lost = await EnterAsync(_one);
        _time.Advance(_options.LeaseDuration + SendBudget.MaxClockDifference + TimeSpan.FromSeconds(2));
        var taken = await EnterAsync(_two);
        Assert.True(taken.Permit.IsProbe);
        await ReportAsync(_one, lost, Success);
        Assert.NotNull(await _three.Breaker.OpenStateAsync(default));
        Assert.NotNull(await _one.Breaker.OpenStateAsync(default));
        Assert.NotNull((await EnterAsync(_three)).Wait);
        await ReportAsync(_two, taken, Success);
        _time.Advance(SendSwitch.MaxAge);
        Assert.Null(await _one.Breaker.OpenStateAsync(default));
    }

    [Fact]
    public async Task A_permit_that_is_returned_unused_lets_another_process_probe()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var unused = await EnterAsync(_one);
        _one.Breaker.Return(unused.Permit);
        await _one.Breaker.ShareAsync();
        Assert.True((await EnterAsync(_two)).Permit.IsProbe);
    }

    [Fact]
    public async Task A_probe_that_was_cancelled_may_have_left_so_the_next_one_waits_for_an_interval()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var cancelled = await EnterAsync(_one);
        _one.Breaker.Return(cancelled.Permit, wasCancelled: true);
        await _one.Breaker.ShareAsync();
        _time.Advance(_options.ProbeInterval - TimeSpan.FromSeconds(2));
        Assert.NotNull((await EnterAsync(_two)).Wait);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.True((await EnterAsync(_two)).Permit.IsProbe);
    }

    [Fact]
    public async Task An_item_whose_probe_failed_leaves_the_next_probe_to_others_on_every_process()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        await ReportAsync(_one, await _one.Breaker.EnterAsync("poison", default), Failure, "poison");
        _time.Advance(_options.ProbeInterval + TimeSpan.FromSeconds(1));
        Assert.NotNull((await _two.EnterAsync("poison")).Wait);
        Assert.Null((await _two.EnterAsync("another")).Wait);
    }

    [Fact]
    public async Task The_only_item_that_is_left_probes_again_although_its_probe_failed_and_the_document_is_read_each_time()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        await ReportAsync(_one, await _one.Breaker.EnterAsync("only", default), Failure, "only");
        var waited = TimeSpan.Zero;
        while ((await _two.EnterAsync("only")).Wait is not null)
        {
            waited += SendSwitch.MaxAge;
            Assert.InRange(waited, TimeSpan.Zero, (_options.ProbeInterval * 2) + SendSwitch.MaxAge);
            _time.Advance(SendSwitch.MaxAge);
        }

        Assert.InRange(waited, _options.ProbeInterval * 2, TimeSpan.MaxValue);
    }

    [Fact]
    public async Task Without_the_store_a_trip_stops_its_own_process_which_tells_the_others_later()
    {
        await EnterAsync(_one);
        _store.IsDown = true;
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        Assert.NotNull((await EnterAsync(_one)).Wait);
        Assert.NotNull(_one.Breaker.OpenState);
        _store.IsDown = false;
        _time.Advance(TimeSpan.FromSeconds(5));
        await _one.Breaker.ShareAsync();
        Assert.NotNull(await _two.Breaker.OpenStateAsync(default));
    }

    [Fact]
    public async Task A_reset_that_could_not_be_told_is_told_later_and_not_undone_by_what_the_store_still_says()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var probe = await EnterAsync(_one);
        _store.IsDown = true;
        await ReportAsync(_one, probe, Success);
        _store.IsDown = false;
        Assert.False((await EnterAsync(_one)).Permit.IsProbe);
        Assert.Null(_one.Breaker.OpenState);
        _time.Advance(TimeSpan.FromSeconds(5));
        await _one.Breaker.ShareAsync();
        Assert.Null(await _two.Breaker.OpenStateAsync(default));
    }

    [Fact]
    public async Task A_trip_right_after_a_reset_reaches_the_others_too()
    {
        await TripAsync(_one);
        _time.Advance(_options.ProbeInterval);
        var probe = await EnterAsync(_one);
        _one.Breaker.Report(probe.Permit, "probe", Success, isItemAtFault: false);
        _time.Advance(TimeSpan.FromMinutes(1));
        var trippedAgainAt = _time.GetUtcNow();
        await TripAsync(_one);
        _time.Advance(SendSwitch.MaxAge);
        Assert.Equal(trippedAgainAt, (await _two.Breaker.OpenStateAsync(default))!.Since);
        Assert.NotNull(await _one.Breaker.OpenStateAsync(default));
    }

    [Fact]
    public async Task While_closed_it_calls_the_store_no_more_than_the_switch_does()
    {
        for (var i = 0; i < 200; i++)
        {
            await ReportAsync(_one, await EnterAsync(_one), i % 2 == 0 ? Success : Failure);
        }

        Assert.Equal(1, _store.Reads);
    }

    [Fact]
    public async Task Without_a_store_the_circuit_breaker_is_the_process_s_own()
    {
        var alone = new Instance(this, isAlone: true);
        await TripAsync(alone);
        Assert.NotNull(await alone.Breaker.OpenStateAsync(default));
        _time.Advance(_options.ProbeInterval);
        var probe = await EnterAsync(alone);
        Assert.True(probe.Permit.IsProbe);
        Assert.Null(probe.Permit.Claim);
        await ReportAsync(alone, probe, Success);
        Assert.Null(await alone.Breaker.OpenStateAsync(default));
        Assert.Equal(0, _store.Reads);
    }

    [Fact]
    public void The_holder_of_a_claim_whose_confirmation_was_lost_may_take_it_again()
    {
        var now = _time.GetUtcNow();
        var open = new SharedSendState { Circuit = new SharedCircuit("Breaker", "Timeout", "late", now, now) };
        var claimed = open.ClaimProbe("one", null, now, _options.LeaseDuration);
        Assert.Same(claimed, claimed.ClaimProbe("two", null, now, _options.LeaseDuration));
        Assert.Equal("one", claimed.ClaimProbe("one", null, now, _options.LeaseDuration).Circuit!.Probe!.Holder);
        Assert.Equal(now + TimeSpan.FromSeconds(1) + _options.LeaseDuration, claimed.Circuit!.Probe!.Expires);
    }

    [Fact]
    public void A_trip_is_told_once_and_keeps_its_first_cause()
    {
        var now = _time.GetUtcNow();
        var first = new SharedSendState().Tell("one", new CircuitNews(new SharedCircuit("Breaker", "Timeout", "late", now, now), null));
        Assert.Same(first, first.Tell("two", new CircuitNews(new SharedCircuit("Breaker", "Other", "late", now, now), null)));
        Assert.Same(first, first.Tell("two", new CircuitNews(null, ProbeEnd.Succeeded)));
    }

    private async ValueTask<SendEntry> EnterAsync(Instance instance) => await instance.EnterAsync($"item-{_items++}");

    private async Task TripAsync(Instance instance) => await ReportAsync(instance, await EnterAsync(instance), Fault);

    private async Task ReportAsync(Instance instance, SendEntry entry, SynchronizeResult result, string? contentId = null)
    {
        Assert.Null(entry.Wait);
        instance.Breaker.Report(entry.Permit, contentId ?? $"item-{_items++}", result, isItemAtFault: false);
        await instance.Breaker.ShareAsync();
    }

    /// <summary>One process of the app.</summary>
    private sealed class Instance
    {
        public Instance(SharedCircuitBreakerTests tests, bool isAlone = false)
        {
            Switch = new SendSwitch(tests._time, isAlone ? null : tests._store);
            Breaker = new SharedCircuitBreaker(
                new CircuitBreaker(tests._options, tests._time), Switch, tests._options, new RequestIdSource(), tests._time);
        }

        public SendSwitch Switch { get; }

        public SharedCircuitBreaker Breaker { get; }

        public async ValueTask<SendEntry> EnterAsync(string contentId)
        {
            await Switch.CurrentAsync(default);
            return await Breaker.EnterAsync(contentId, default);
        }
    }

    private sealed class CountingQueue : ISyncQueue
    {
        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
