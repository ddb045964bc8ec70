using ContentSync.Budget;

namespace ContentSync.Tests.Budget;

public sealed class BudgetRuleTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_single_busy_process_gets_the_whole_bulk_share_and_what_its_single_changes_want_of_the_rest() =>
        AssertGets(Renew(new SharedSendState(), single: 100, bulk: 160), 40, 160);

    [Fact]
    public void Bulk_sends_never_take_the_reserved_share() => AssertGets(Renew(new SharedSendState(), single: 0, bulk: 200), 0, 160);

    [Fact]
    public void Single_changes_take_what_bulk_sends_leave() => AssertGets(Renew(State(Other("a", bulk: 50)), single: 200, bulk: 0), 150, 0);

    [Fact]
    public void Two_that_want_everything_get_half_each()
    {
        var first = Renew(State(Other("a", bulk: 160)), single: 0, bulk: 160);
        AssertGets(first, 0, 0);
        AssertGets(Renew(first.State, single: 0, bulk: 160, id: "a"), 0, 80);
    }

    [Fact]
    public void Who_wants_little_gets_all_of_it() => AssertGets(Renew(State(Other("a", bulk: 80, wants: 160)), single: 0, bulk: 3), 0, 3);

    [Fact]
    public void No_process_takes_units_that_another_still_holds() => AssertGets(Renew(State(Other("a", single: 195)), single: 100, bulk: 0), 5, 0);

    [Fact]
    public void A_lease_is_over_only_when_it_is_over_on_every_front_end()
    {
        var holder = Other("a", single: 200) with { Expires = Now - TimeSpan.FromSeconds(4) };
        AssertGets(Renew(State(holder), single: 100, bulk: 0), 0, 0);
        var expired = holder with { Expires = Now - SendBudget.MaxClockDifference };
        var plan = Renew(State(expired), single: 100, bulk: 0);
        AssertGets(plan, 100, 0);
        Assert.True(plan.IsWarm);
        Assert.Equal("me", Assert.Single(plan.State.Holders).Id);
    }

    [Fact]
    public void Units_that_were_given_back_rest_before_another_uses_them()
    {
        var given = Renew(State(Other("me", single: 100)), single: 10, bulk: 0);
        AssertGets(given, 10, 0);
        Assert.Equal([new WarmUnits(90, Now + TimeSpan.FromSeconds(1.2 + 1) + SendBudget.MaxClockDifference)], given.State.Warm);
        Assert.False(Renew(given.State, single: 100, bulk: 0, id: "b").IsWarm);
        Assert.True(Renew(given.State, single: 101, bulk: 0, id: "b").IsWarm);
        Assert.False(Renew(given.State, single: 101, bulk: 0, id: "b", now: Now + TimeSpan.FromSeconds(8)).IsWarm);
    }

    [Fact]
    public void Who_wants_nothing_is_not_in_the_document() =>
        Assert.Empty(Renew(State(Other("me", single: 100)), single: 0, bulk: 0).State.Holders);

    [Fact]
    public void A_rate_set_by_hand_lowers_the_budget_and_never_raises_it()
    {
        AssertGets(Renew(new SharedSendState { Rate = 10 }, single: 0, bulk: 200), 0, 8);
        AssertGets(Renew(new SharedSendState { Rate = 1000 }, single: 0, bulk: 200), 0, 160);
    }

    [Fact]
    public void A_budget_of_one_unit_goes_to_one_process_and_on_to_the_next()
    {
        var first = Renew(new SharedSendState(), single: 5, bulk: 5, perSecond: 0.5);
        AssertGets(first, 1, 0);
        var waits = Renew(first.State, single: 5, bulk: 0, perSecond: 0.5, id: "b");
        AssertGets(waits, 0, 0);
        var gives = Renew(waits.State, single: 5, bulk: 5, perSecond: 0.5);
        AssertGets(gives, 0, 0);
        var next = Renew(gives.State, single: 5, bulk: 0, perSecond: 0.5, id: "b");
        AssertGets(next, 1, 0);
        Assert.True(next.IsWarm);
    }

    private static void AssertGets(BudgetPlan plan, int single, int bulk) => Assert.Equal((single, bulk), (plan.Single, plan.Bulk));

    private static BudgetPlan Renew(
        SharedSendState state, int single, int bulk, string id = "me", double perSecond = 200, DateTimeOffset? now = null)
    {
        var time = now ?? Now;
        return BudgetRule.Renew(
            state, new BudgetRequest(id, perSecond, 0.2, single, bulk, time, time + TimeSpan.FromSeconds(1.2), time + TimeSpan.FromSeconds(31)));
    }

    private static SharedSendState State(params BudgetHolder[] holders) => new() { Holders = holders };

    private static BudgetHolder Other(string id, int single = 0, int bulk = 0, int? wants = null) =>
        new(id, single, bulk, single, wants ?? bulk, Now + TimeSpan.FromSeconds(20));
}
