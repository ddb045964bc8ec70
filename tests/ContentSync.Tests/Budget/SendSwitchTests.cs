using ContentSync.Budget;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Budget;

public sealed class SendSwitchTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly MemorySendStateStore _store;
    private readonly SendSwitch _here;
    private readonly SendSwitch _there;

    public SendSwitchTests()
    {
        _store = new MemorySendStateStore(_time);
        _here = new SendSwitch(_time, _store);
        _there = new SendSwitch(_time, _store);
    }

    [Fact]
    public async Task A_pause_is_known_before_the_first_send_of_a_process_that_was_idle()
    {
        await _here.PauseAsync(null, "a fault", "Mei", default);
        Assert.Equal(("a fault", "Mei"), ((await _there.CurrentAsync(default)).PauseOf("SKU")!.Reason, _there.Known.PauseOf(null)!.By));
    }

    [Fact]
    public async Task While_the_store_is_away_it_is_asked_once_a_second()
    {
        await _here.CurrentAsync(default);
        _time.Advance(TimeSpan.FromSeconds(10));
        _store.IsDown = true;
        var before = _store.Reads;
        for (var i = 0; i < 5; i++) await _here.CurrentAsync(default);
        Assert.Equal(before + 1, _store.Reads);
        _time.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 5; i++) await _here.CurrentAsync(default);
        Assert.Equal(before + 2, _store.Reads);
    }

    [Fact]
    public async Task A_pause_reaches_a_process_that_sends_within_ten_seconds()
    {
        Assert.Null((await _there.CurrentAsync(default)).PauseOf(null));
        await _here.PauseAsync(null, "a fault", "Mei", default);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.NotNull((await _there.CurrentAsync(default)).PauseOf(null));
    }

    [Fact]
    public async Task The_only_process_takes_over_what_earlier_ones_held_and_keeps_what_an_operator_decided()
    {
        await _there.PauseAsync("SKU", "wrong prices", "Mei", default);
        await _there.SetRateAsync(5, default);
        var now = _time.GetUtcNow();
        await _there.ChangeAsync(
            (read, _) => read.State with
            {
                Circuit = new SharedCircuit("ConfigurationFault", "INVALID_SIGNATURE", "wrong key", now, now.AddSeconds(30)),
                Holders = [new BudgetHolder("ended", 1, 4, 1, 4, now.AddSeconds(30))],
            },
            default);

        var state = await _here.TakeOverAsync(default);

        Assert.Null(state.Circuit);
        Assert.True(Assert.Single(state.Holders).Expires + SendBudget.MaxClockDifference < now);
        Assert.Equal(("wrong prices", 5.0), (state.PauseOf("SKU")!.Reason, state.Rate));
    }

    [Fact]
    public async Task Callers_of_a_process_that_knows_nothing_yet_wait_for_the_first_read()
    {
        await _there.PauseAsync(null, "a fault", "Mei", default);
        var slow = new SlowStore(_store);
        var starting = new SendSwitch(_time, slow);

        var calls = Enumerable.Range(0, 32).Select(_ => starting.CurrentAsync(default).AsTask()).ToArray();
        Assert.DoesNotContain(calls, call => call.IsCompleted);
        slow.Answer.SetResult();

        Assert.All(await Task.WhenAll(calls), state => Assert.NotNull(state.PauseOf(null)));
        Assert.False(starting.IsOutdated);
    }

    [Fact]
    public async Task Many_sends_read_the_store_once()
    {
        for (var i = 0; i < 50; i++) await _there.CurrentAsync(default);
        Assert.Equal(1, _store.Reads);
    }

    [Fact]
    public async Task A_content_type_is_paused_and_resumed_apart_from_the_others()
    {
        await _here.PauseAsync("SKU", "wrong prices", "Mei", default);
        await _here.PauseAsync(null, "a fault", "Ken", default);
        await _here.ResumeAsync(null, default);
        Assert.Null(_here.Known.PauseOf(null));
        Assert.Null(_here.Known.PauseOf("MOVIE"));
        Assert.Equal("wrong prices", _here.Known.PauseOf("SKU")!.Reason);
        await _here.ResumeAsync("SKU", default);
        Assert.Null(_here.Known.PauseOf("SKU"));
    }

    [Fact]
    public async Task Time_paused_counts_once_however_pauses_overlap()
    {
        var began = _time.GetUtcNow();
        await _here.PauseAsync("SKU", "wrong prices", "Mei", default);
        _time.Advance(TimeSpan.FromHours(1));
        await _here.PauseAsync(null, "a fault", "Mei", default);
        _time.Advance(TimeSpan.FromHours(1));
        await _here.ResumeAsync("SKU", default);
        _time.Advance(TimeSpan.FromHours(1));
        await _here.ResumeAsync(null, default);
        _time.Advance(TimeSpan.FromHours(1));
        var now = _time.GetUtcNow();
        Assert.Equal(TimeSpan.FromHours(3), _here.Known.PausedTime("SKU", began, now));
        Assert.Equal(TimeSpan.FromHours(2), _here.Known.PausedTime("MOVIE", began, now));
        Assert.Equal(TimeSpan.FromHours(0.5), _here.Known.PausedTime("MOVIE", began + TimeSpan.FromHours(2.5), now));
    }

    [Fact]
    public async Task Only_the_last_pauses_are_kept()
    {
        for (var i = 0; i < SendPauses.MaxEnded + 20; i++)
        {
            await _here.PauseAsync("SKU", $"{i}", "Mei", default);
            _time.Advance(TimeSpan.FromSeconds(1));
            await _here.ResumeAsync("SKU", default);
        }

        Assert.Equal(SendPauses.MaxEnded, _here.Known.Pauses.Count);
        Assert.Contains(_here.Known.Pauses, pause => pause.Reason == $"{SendPauses.MaxEnded + 19}");
    }

    [Fact]
    public async Task A_process_is_outdated_until_its_first_read_and_when_the_store_has_been_away_for_longer_than_a_lease()
    {
        Assert.True(_here.IsOutdated);
        _store.IsDown = true;
        await _here.CurrentAsync(default);
        Assert.Equal((true, "The store is away."), (_here.IsOutdated, _here.Fault));
        _store.IsDown = false;
        _time.Advance(TimeSpan.FromSeconds(1));
        await _here.CurrentAsync(default);
        Assert.Equal((false, null), (_here.IsOutdated, _here.Fault));
        _store.IsDown = true;
        _time.Advance(TimeSpan.FromSeconds(39));
        await _here.CurrentAsync(default);
        Assert.False(_here.IsOutdated);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_here.IsOutdated);
        Assert.False(new SendSwitch(_time).IsOutdated);
    }

    [Fact]
    public async Task What_was_known_stays_in_force_while_the_store_is_away()
    {
        await _here.PauseAsync(null, "a fault", "Mei", default);
        _store.IsDown = true;
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.NotNull((await _here.CurrentAsync(default)).PauseOf(null));
        await Assert.ThrowsAsync<SendStateUnavailableException>(async () => await _here.ResumeAsync(null, default));
    }

    /// <summary>A store whose reads wait until they are answered.</summary>
    private sealed class SlowStore(ISendStateStore store) : ISendStateStore
    {
        public TaskCompletionSource Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken)
        {
            await Answer.Task;
            return await store.ReadAsync(cancellationToken);
        }

        public ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken) =>
            store.TryWriteAsync(state, tag, cancellationToken);
    }
}
