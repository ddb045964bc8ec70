using ContentSync.Benchmarks.Budget;
using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Resync;

public sealed class CostModelTests : IDisposable
{
    private const int Items = 4_000;
    private const int Million = 1_000_000;
    private const double OneVault = 360;
    private const double PlanSecondsPerMillion = 10;

    private readonly ResyncWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_million_items_stay_within_their_budget()
    {
        var counted = await CountAsync();

        Assert.InRange((double)counted.BusOperations / Items, 0, 0.06);
        Assert.InRange((double)counted.Executions / Items, 0, 0.02);
        Assert.InRange((double)counted.Settlements / Items, 0, 0.02);
        Assert.InRange(Of(counted, Million, Million).Cost(new UnitPrices()), 3, 4.00);
        Assert.InRange(Of(counted, Million, Million / 50).Cost(new UnitPrices()), 0.06, 0.12);
        Assert.InRange(Of(counted, 100L * Million, 100L * Million).Cost(new UnitPrices()), 300, 400);
    }

    [Fact]
    public async Task A_catalog_in_sync_costs_its_ledger_scan_and_nothing_else()
    {
        var nothing = Of(await CountAsync(), Million, 0);

        Assert.Equal((0, 0, 0, Million / 1_000), (nothing.Signatures, nothing.Packs, nothing.LedgerCalls, nothing.TableTransactions));
        Assert.InRange(nothing.Cost(new UnitPrices()), 0, 0.001);
    }

    [Fact]
    public void A_doubled_price_shows_in_the_cost()
    {
        var run = new RunOperations
        {
            Signatures = 10_000,
            Packs = 1_000,
            LedgerCalls = 10_000,
            TelemetryBytes = 1_000_000,
            AlipayHkBytes = 3_000,
            InstanceSeconds = 100,
        };
        var prices = new UnitPrices();

        Assert.Equal(0.03, run.Cost(prices with { Signature = 2 * prices.Signature }) - run.Cost(prices), 6);
        Assert.Equal(3_000 * prices.BusOperation, run.Cost(prices with { BusOperation = 2 * prices.BusOperation }) - run.Cost(prices), 9);
        Assert.Equal(3_000 * prices.GatewayByte, run.Cost(prices with { GatewayByte = 2 * prices.GatewayByte }) - run.Cost(prices), 9);
        Assert.Equal(200 * prices.GigabyteSecond, run.Cost(prices with { GigabyteSecond = 2 * prices.GigabyteSecond }) - run.Cost(prices), 9);
    }

    [Fact]
    public void An_item_that_leaves_its_pack_costs_a_message_of_its_own()
    {
        var run = new RunOperations { Packs = 2, Singles = 3 };

        Assert.Equal((15, 5, 5), (run.BusOperations, run.Executions, run.Settlements));
    }

    [Fact]
    public async Task The_send_budget_costs_the_store_calls_that_were_counted_for_it()
    {
        var million = RunOperations.Of(await CountAsync(), Items, Million, Million, BudgetFigures.PerSecond, PlanSecondsPerMillion);

        Assert.Equal(BudgetFigures.StoreCallsPerThousandSends(), 1_000.0 * million.BudgetCalls / Million, 0.3);
        Assert.Equal(million.BudgetCalls, million.TableTransactions - (million with { BudgetCalls = 0 }).TableTransactions);
    }

    // Telemetry at its budget of 100 bytes per item, and request and response of realistic size.
    private async Task<RunOperations> CountAsync()
    {
        (_world.Options.Lanes, _world.Options.ItemsPerPack) = (16, 50);
        var run = await _world.RunAsync(TestSnapshot.Of(Enumerable.Range(0, Items).Select(i => ($"SKU-{i:d8}", "1"))));
        Assert.Equal(Items, run.Counts.Sent);
        return new RunOperations
        {
            Signatures = _world.AlipayHk.Calls.Count,
            Packs = run.Packs,
            Singles = _world.Singles.Count,
            LedgerCalls = _world.LedgerCalls,
            AlipayHkBytes = 3_000 * Items,
            TelemetryBytes = 100 * Items,
        };
    }

    private static RunOperations Of(RunOperations counted, long catalog, long differing) =>
        RunOperations.Of(counted, Items, catalog, differing, OneVault, PlanSecondsPerMillion);
}
