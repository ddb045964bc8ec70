using ContentSync.Benchmarks.Ratios;
using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Resync;

namespace ContentSync.Benchmarks.Resync;

/// <summary>The members of a ratios run that tell how a whole catalog is kept in step, and how far a vault is used.</summary>
internal static class ResyncRatios
{
    private const int Million = 1_000_000;
    private const double VaultSignaturesPerSecond = 400;

    public static async Task<int> RunAsync(bool json)
    {
        using var peer = await Peer.StartAsync().ConfigureAwait(false);
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        await AddAsync(peer, figures).ConfigureAwait(false);
        RatiosProgram.Print(figures, json);
        return 0;
    }

    public static async Task AddAsync(Peer peer, SortedDictionary<string, double> figures)
    {
        AddSigning(figures);
        await AddBulkAsync(peer, figures).ConfigureAwait(false);
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
            lowest = Math.Min(lowest, simulation.Run(duration) / VaultSignaturesPerSecond);
            throttled = Math.Max(throttled, (double)simulation.Throttled / (simulation.Signed + simulation.Throttled));
            failed += simulation.Failed;
        }

        using var one = new SigningSimulation(vaults: 1, callers: 1_000);
        using var five = new SigningSimulation(vaults: 5, callers: 1_000);
        figures["signerShareOfVaultLimit"] = lowest;
        figures["throttledShare"] = throttled;
        figures["signingFailures"] = failed;
        figures["fiveVaultSpeedup"] = five.Run(duration) / one.Run(duration);
    }

    private static async Task AddBulkAsync(Peer peer, SortedDictionary<string, double> figures)
    {
        await using var bulk = await BulkRun.StartAsync(peer, Million).ConfigureAwait(false);
        var (run, elapsed, processor) = await bulk.DrainAsync().ConfigureAwait(false);
        var counted = new RunOperations { Signatures = bulk.Signatures, Packs = run.Packs, LedgerCalls = bulk.LedgerCalls, TelemetryBytes = bulk.Logged };
        figures["drainItemsPerSecond"] = Million / elapsed.TotalSeconds;
        figures["drainMicrosecondsPerItem"] = processor.TotalMicroseconds / Million;
        figures["busOperationsPerItem"] = (double)counted.BusOperations / Million;
        figures["executionsPerItem"] = (double)counted.Packs / Million;
        figures["settlementsPerItem"] = (double)counted.Packs / Million;
        figures["loggedBytesPerItem"] = (double)bulk.Logged / Million;

        var first = await bulk.PlanAsync().ConfigureAwait(false);
        var second = await bulk.PlanAsync().ConfigureAwait(false);
        var scan = Math.Min(first.Elapsed.TotalSeconds, second.Elapsed.TotalSeconds);
        figures["deltaScanSecondsPerMillion"] = scan;
        figures["deltaScanProcessorSecondsPerMillion"] = Math.Min(first.Processor.TotalSeconds, second.Processor.TotalSeconds);
        figures["deltaScanVaultCalls"] = bulk.Signatures - counted.Signatures;
        figures["deltaScanPartnerCalls"] = bulk.PartnerCalls - Million;
        figures["stateBytesPerSku"] = PlanComparison.BytesPerItem;
        AddCost(figures, counted, scan);
    }

    private static void AddCost(SortedDictionary<string, double> figures, RunOperations counted, double scan)
    {
        // Telemetry at its budget, since what a host samples and sends is its own setting; bulk paced at what one vault signs.
        var budgeted = counted with { TelemetryBytes = 100L * Million };
        double Cost(long catalog, long differing) => RunOperations.Of(budgeted, Million, catalog, differing, 360, scan).Cost(new UnitPrices());
        figures["costFull1M"] = Cost(Million, Million);
        figures["costTwoPercentOf1M"] = Cost(Million, Million / 50);
        figures["costFull100M"] = Cost(100L * Million, 100L * Million);
        figures["costTwoPercentOf100M"] = Cost(100L * Million, 2L * Million);
    }
}
