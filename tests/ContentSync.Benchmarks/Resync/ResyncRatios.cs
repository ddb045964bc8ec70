using ContentSync.Benchmarks.Budget;
using ContentSync.Benchmarks.Ratios;
using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Benchmarks.Resync;

/// <summary>The figures of a whole catalog: how fast it is planned and sent, what it costs, and how well the vaults are used.</summary>
internal static class ResyncRatios
{
    private const int Million = 1_000_000;
    private const int Lanes = 16;
    private const double VaultSignaturesPerSecond = 400;

    public static async Task<int> RunAsync(bool json)
    {
        using var peer = await Peer.StartAsync().ConfigureAwait(false);
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        await AddAsync(peer, figures).ConfigureAwait(false);
        RatiosProgram.Print(figures, json);
        return 0;
    }

    /// <summary>Only how a resync on one machine uses its rate.</summary>
    public static async Task<int> RunLocalRateAsync(bool json)
    {
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        await LocalRate.AddAsync(figures).ConfigureAwait(false);
        RatiosProgram.Print(figures, json);
        return 0;
    }

    public static async Task AddAsync(Peer peer, SortedDictionary<string, double> figures)
    {
        AddSigning(figures);
        AddThrottledVault(figures);
        BudgetFigures.Add(figures);
        await LocalRate.AddAsync(figures).ConfigureAwait(false);
        await AddBulkAsync(peer, figures).ConfigureAwait(false);
        await AddInFlightAsync(figures).ConfigureAwait(false);
        figures["planPeakMiB1M"] = await PlanPeakProgram.MeasureAsync(Million).ConfigureAwait(false);
        figures["planPeakMiB10M"] = await PlanPeakProgram.MeasureAsync(10 * Million).ConfigureAwait(false);
    }

    private static void AddSigning(SortedDictionary<string, double> figures)
    {
        var duration = TimeSpan.FromSeconds(30);
        var lowest = double.PositiveInfinity;
        var throttled = 0.0;
        long failed = 0;
        foreach (var callers in (int[])[64, 256, 1_000, 4_000])
        {
            using var simulation = new SigningSimulation(vaults: 1, callers);
            var share = simulation.Run(duration) / VaultSignaturesPerSecond;
            figures[$"signerShareOfVaultLimitWith{callers}Callers"] = share;
            lowest = Math.Min(lowest, share);
            throttled = Math.Max(throttled, (double)simulation.Throttled / (simulation.Signed + simulation.Throttled));
            failed += simulation.Failed;
        }

        using var one = new SigningSimulation(vaults: 1, callers: 1_000);
        using var five = new SigningSimulation(vaults: 5, callers: 1_000);
        figures["signerShareOfVaultLimit"] = lowest;
        figures["throttledShare"] = throttled;
        figures["itemsFailedByThrottling"] = failed;
        figures["fiveVaultSpeedup"] = five.Run(duration) / one.Run(duration);
    }

    // One of five vaults is throttled to a tenth: the rate that is lost, as a share of the nine tenths it no longer provides. Ideally 1.
    private static void AddThrottledVault(SortedDictionary<string, double> figures)
    {
        using var simulation = new SigningSimulation(vaults: 5, callers: 1_000);
        var undisturbed = simulation.Run(TimeSpan.FromSeconds(20));
        simulation.Vaults[2].Limit = SigningSimulation.VaultLimit / 10;
        simulation.Run(TimeSpan.FromSeconds(60));
        var disturbed = simulation.Run(TimeSpan.FromSeconds(60));
        figures["throttledVaultLossOverMissingShare"] = (undisturbed - disturbed) / (0.9 * VaultSignaturesPerSecond);
        figures["throttledVaultItemsFailed"] = simulation.Failed;
    }

    private static async Task AddBulkAsync(Peer peer, SortedDictionary<string, double> figures)
    {
        var options = new ResyncOptions { SendsPerSecond = 0, Lanes = Lanes, InFlightPerLane = 16 };
        await using var bulk = await BulkRun.StartAsync(ItemRun.Options(peer), new CannedSocket(peer), Million, options).ConfigureAwait(false);
        var (run, elapsed, processor) = await bulk.DrainAsync().ConfigureAwait(false);
        var counted = new RunOperations
        {
            Signatures = bulk.Signatures,
            Packs = run.Packs,
            Singles = bulk.Singles,
            LedgerCalls = bulk.LedgerCalls,
            AlipayHkBytes = bulk.AlipayHkBytes,
            TelemetryBytes = bulk.TelemetryBytes,
        };
        figures["drainItemsPerSecond"] = Million / elapsed.TotalSeconds;
        figures["drainMicrosecondsPerItem"] = processor.TotalMicroseconds / Million;
        figures["drainLaneImbalance"] = LaneImbalance();
        figures["busOperationsPerSku"] = (double)counted.BusOperations / Million;
        figures["executionsPerSku"] = (double)counted.Executions / Million;
        figures["settlementsPerSku"] = (double)counted.Settlements / Million;
        figures["telemetryBytesPerSku"] = (double)counted.TelemetryBytes / Million;

        var first = await bulk.PlanAsync().ConfigureAwait(false);
        var second = await bulk.PlanAsync().ConfigureAwait(false);
        var scan = Math.Min(first.Elapsed.TotalSeconds, second.Elapsed.TotalSeconds);
        figures["deltaScanSecondsPerMillion"] = scan;
        figures["deltaScanProcessorSecondsPerMillion"] = Math.Min(first.Processor.TotalSeconds, second.Processor.TotalSeconds);
        figures["deltaScanVaultCalls"] = bulk.Signatures - counted.Signatures;
        figures["deltaScanRequests"] = bulk.AlipayHkCalls - Million;
        figures["deltaScanMessages"] = bulk.Singles - counted.Singles;
        figures["stateBytesPerSku"] = PlanComparison.BytesPerItem;
        AddCost(figures, counted, scan);
    }

    private static async Task AddInFlightAsync(SortedDictionary<string, double> figures)
    {
        var inFlight = await InFlightProgram.MeasureAsync(Million / 10).ConfigureAwait(false);
        figures["inFlight256ItemsPerSecond"] = inFlight.ItemsPerSecond;
        figures["inFlight256Threads"] = inFlight.Threads;
        figures["inFlight256MicrosecondsPerItem"] = inFlight.MicrosecondsPerItem;
    }

    // The largest deviation of a lane from the mean of all lanes.
    private static double LaneImbalance()
    {
        var lanes = new int[Lanes];
        var contentIds = Enumerable.Range(0, Million).Select(i => $"SKU-{i:d8}");
        foreach (var contentId in contentIds) lanes[PlanKey.Of(contentId).Lane(Lanes)]++;
        return lanes.Max(items => Math.Abs((items * (double)Lanes / Million) - 1));
    }

    private static void AddCost(SortedDictionary<string, double> figures, RunOperations counted, double scan)
    {
        // Telemetry at its budget, because the host adds its own to what the library writes; sending at the rate that one vault signs.
        var budgeted = counted with { TelemetryBytes = Math.Max(100L * Million, counted.TelemetryBytes) };
        double Cost(long catalog, long differing) => RunOperations.Of(budgeted, Million, catalog, differing, 360, scan).Cost(new UnitPrices());
        figures["costFull1M"] = Cost(Million, Million);
        figures["costTwoPercentOf1M"] = Cost(Million, Million / 50);
        figures["costFull100M"] = Cost(100L * Million, 100L * Million);
        figures["costTwoPercentOf100M"] = Cost(100L * Million, 2L * Million);
    }
}
