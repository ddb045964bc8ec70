using ContentSync.Budget;
using ContentSync.Http;
using ContentSync.Signing;
using ContentSync.Tests.Budget;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Http;

public sealed class BudgetStateTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly MemorySendStateStore _store;

    public BudgetStateTests() => _store = new MemorySendStateStore(_time);

    [Fact]
    public async Task Adds_up_the_instances_and_gives_the_state_of_each_vault()
    {
        await using var one = await SendingAsync(new VaultStatus("east", 100, 0, 0, 0, false), new VaultStatus("west", 100, 0, 0, 0, false));
        await using var two = await SendingAsync(new VaultStatus("east", 50, 0, 9, 0, true), new VaultStatus("west", 0, 0, 0, 1, false));
        var state = await StateAsync();
        Assert.Equal(2, state.Instances);
        Assert.Equal(
            [new VaultState("east", 150, VaultStates.Throttled), new VaultState("west", 100, VaultStates.Throttled)], state.Vaults);
        Assert.Equal("Vault east: 150 signatures per second, throttled.", state.Vaults[0].Sentence());
    }

    [Fact]
    public async Task A_vault_is_down_if_no_instance_reaches_it_and_unknown_once_none_is_sending()
    {
        await using var one = await SendingAsync(new VaultStatus("east", 0, 0, 0, 1, false));
        Assert.Equal(VaultStates.Down, Assert.Single((await StateAsync()).Vaults).State);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty((await StateAsync()).Vaults);
    }

    [Fact]
    public async Task Gives_the_rate_that_was_set_and_no_more_than_the_configured_one()
    {
        var sendSwitch = new SendSwitch(_time, _store);
        await sendSwitch.SetRateAsync(50, default);
        Assert.Equal(50, (await StateAsync()).PerSecond);
        await sendSwitch.SetRateAsync(300, default);
        Assert.Equal(200, (await StateAsync()).PerSecond);
        await sendSwitch.SetRateAsync(null, default);
        Assert.Equal(200, (await StateAsync()).PerSecond);
    }

    private async Task<SendBudget> SendingAsync(params VaultStatus[] vaults)
    {
        var budget = new SendBudget(
            new SendBudgetOptions(200),
            _store,
            _time,
            Guid.NewGuid().ToString("N"),
            () => 0,
            NullLogger<SendBudget>.Instance,
            null,
            () => vaults);
        budget.Ask();
        await budget.WaitAsync(TimeSpan.Zero, default);
        return budget;
    }

    private async Task<BudgetState> StateAsync()
    {
        var sendSwitch = new SendSwitch(_time, _store);
        await sendSwitch.CurrentAsync(default);
        return BudgetState.Of(sendSwitch, 200)!;
    }
}
