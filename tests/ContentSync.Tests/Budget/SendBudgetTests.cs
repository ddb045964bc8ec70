using ContentSync.Budget;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Budget;

/// <summary>One process and its part of the budget.</summary>
public sealed class SendBudgetTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly MemorySendStateStore _store;
    private readonly CountingLogger _logger = new();
    private readonly SendBudget _budget;

    public SendBudgetTests()
    {
        _store = new MemorySendStateStore(_time);
        _budget = new SendBudget(new SendBudgetOptions(200), _store, _time, "us", () => 0, _logger);
    }

    public ValueTask DisposeAsync() => _budget.DisposeAsync();

    [Fact]
    public async Task Its_share_is_its_part_of_the_whole()
    {
        Assert.True(await _budget.WaitAsync(TimeSpan.FromSeconds(5), default));
        Assert.InRange(_budget.PerSecond, 1, 199);
        Assert.Equal(_budget.PerSecond / 200, _budget.Share, 9);
    }

    [Fact]
    public async Task Says_why_there_is_no_part_and_logs_it_once()
    {
        _store.IsDown = true;
        var waiting = _budget.WaitAsync(TimeSpan.FromSeconds(10), default).AsTask();
        await AdvanceAsync(TimeSpan.FromSeconds(5));
        Assert.Equal("The store is away.", _budget.Fault);
        Assert.Equal(1, _logger.Warnings);

        _store.IsDown = false;
        await AdvanceAsync(TimeSpan.FromSeconds(2));
        Assert.True(await waiting);
        Assert.Null(_budget.Fault);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    public async Task Takes_free_units_soon_when_more_is_asked_for(int free)
    {
        Assert.True(await _budget.WaitAsync(TimeSpan.FromSeconds(5), default));
        await AdvanceAsync(TimeSpan.FromSeconds(20));
        var held = (int)_budget.PerSecond;
        await LeaveAsync(held + free);
        await AdvanceAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(held, _budget.PerSecond);

        // Less than the time between two renewals.
        for (var i = 0; i < 100; i++) _budget.Ask();
        await AdvanceAsync(TimeSpan.FromSeconds(3));
        Assert.Equal(held + free, _budget.PerSecond);
    }

    // Another process takes the rest.
    private async Task LeaveAsync(int units)
    {
        var read = await _store.ReadAsync(default);
        var other = read.State.Holders[0] with { Id = "other", Single = 200 - units, SingleWants = 200 - units, Expires = _time.GetUtcNow().AddHours(1) };
        Assert.True(await _store.TryWriteAsync(read.State with { Holders = [.. read.State.Holders, other] }, read.Tag, default));
    }

    private async Task AdvanceAsync(TimeSpan time)
    {
        for (var elapsed = TimeSpan.Zero; elapsed < time; elapsed += TimeSpan.FromMilliseconds(100))
        {
            // It keeps sending a little, so that it is not idle.
            if (_budget.Fault is null && elapsed.Milliseconds == 0) _budget.Ask();
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(1);
        }
    }

    private sealed class CountingLogger : ILogger<SendBudget>
    {
        private int _warnings;

        public int Warnings => Volatile.Read(ref _warnings);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Interlocked.Increment(ref _warnings);
    }
}
