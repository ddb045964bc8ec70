using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>Finds what differs between a catalog and the ledger.</summary>
public interface ICatalogPlanner
{
    /// <summary>Reads the snapshot to its end and plans, or says why the snapshot is refused as a whole.</summary>
    /// <returns>The plan, to be disposed of; or why there is none.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken);
}

/// <summary>
/// Compares a whole catalog with the ledger and finds what differs. Both are streamed once, side by side, into small entries on
/// disk, partitioned by a hash of the contentId; then one partition after the other is compared in memory. So the memory it
/// takes does not grow with the catalog, but for one bit per item. Thread-safe.
/// </summary>
/// <param name="reader">Reads the catalog.</param>
/// <param name="ledger">What it is held against.</param>
/// <param name="temporaryFolder">Where the entries go: some 90 bytes per item, deleted with the plan.</param>
public sealed class CatalogPlanner(CatalogReader reader, ILedgerScan ledger, string temporaryFolder) : ICatalogPlanner
{
    /// <summary>
    /// Reads the snapshot to its end and plans. A snapshot that cannot be read to its end, that holds a line of which not even the
    /// contentId can be read, or that changes meanwhile is refused as a whole: what is missing in it must not be taken for vanished.
    /// An item that is merely unsound is left alone: it is neither sent nor taken for vanished.
    /// </summary>
    /// <returns>The plan, to be disposed of; or why there is none.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken) => PlanAsync(snapshot, PlanScope.Mirror, cancellationToken);

    /// <inheritdoc cref="PlanAsync(ICatalogSnapshot, CancellationToken)"/>
    /// <param name="snapshot">Which.</param>
    /// <param name="scope">What the catalog stands for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanScope scope, CancellationToken cancellationToken)
    {
        using var sides = PlanPartitions.Create(temporaryFolder);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var listing = Task.Run(() => PartitionLedgerAsync(sides, snapshot.WrittenAt, stop.Token), stop.Token);
        CatalogScanResult reading;
        try
        {
            reading = await Task.Run(() => PartitionCatalogAsync(sides, snapshot, scope, stop.Token), stop.Token).ConfigureAwait(false);
        }
        catch
        {
            await StopAsync(stop, listing).ConfigureAwait(false);
            throw;
        }

        if (reading.Fault is { } fault)
        {
            await StopAsync(stop, listing).ConfigureAwait(false);
            return new PlanResult(null, fault);
        }

        await listing.ConfigureAwait(false);
        sides.Complete();
        return new PlanResult(await Task.Run(() => Compare(sides, reading, scope, cancellationToken), cancellationToken).ConfigureAwait(false), null);
    }

    private static async Task StopAsync(CancellationTokenSource stop, Task listing)
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await listing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<CatalogScanResult> PartitionCatalogAsync(PlanPartitions sides, ICatalogSnapshot snapshot, PlanScope scope, CancellationToken cancellationToken)
    {
        var reading = new CatalogScanResult(scope);
        try
        {
            var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await new PlanScan(reader).RunAsync(stream, piece => reading.Add(piece) && sides.Add(piece.Items), cancellationToken).ConfigureAwait(false);
            }

            if (reading.Fault is not null) return reading;
        }
        catch (CatalogFormatException) when (scope == PlanScope.Additions)
        {
            // Whoever reads it with this plan gets there as well.
        }
        catch (Exception e) when (e is CatalogFormatException or IOException)
        {
            reading.Fault = new SnapshotFault((e as CatalogFormatException)?.Line, e.Message);
            return reading;
        }

        if (!await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false))
            reading.Fault = new SnapshotFault(null, $"{snapshot.Name} was written to while it was read; write it under another name and rename it when it is whole.");
        return reading;
    }

    private async Task PartitionLedgerAsync(PlanPartitions sides, DateTimeOffset writtenAt, CancellationToken cancellationToken)
    {
        await foreach (var content in ledger.ReadAsync(cancellationToken).ConfigureAwait(false)) sides.AddLedgerItem(content, writtenAt);
    }

    private static CatalogPlan Compare(PlanPartitions sides, CatalogScanResult reading, PlanScope scope, CancellationToken cancellationToken)
    {
        var plan = CatalogPlan.Create(reading.Items);
        try
        {
            foreach (var ordinal in reading.ToBeShown) plan.Select(ordinal);
            var comparison = new PlanComparison(plan, scope);
            for (var partition = 0; partition < PlanPartitions.Partitions; partition++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                comparison.Run(sides, partition);
            }

            plan.Seal(comparison.Counts with { Items = reading.Items, Invalid = reading.Invalid }, reading.Issues);
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    /// <summary>What reading the catalog came to.</summary>
    private sealed class CatalogScanResult(PlanScope scope)
    {
        private const int MostIssues = 100;

        public SnapshotFault? Fault { get; set; }

        public long Items { get; private set; }

        public long Invalid { get; private set; }

        public List<CatalogEntry> Issues { get; } = [];

        /// <summary>Places of the unsound items, where whoever reads with this plan is to see them.</summary>
        public List<long> ToBeShown { get; } = [];

        /// <returns>False where one of its items spoils the whole snapshot.</returns>
        public bool Add(PlanChunk piece)
        {
            Items += piece.Count;
            return piece.Invalid.All(Add);
        }

        private bool Add((long Ordinal, CatalogEntry Entry) unsound)
        {
            var entry = unsound.Entry;
            if (scope == PlanScope.Additions)
            {
                Invalid++;
                ToBeShown.Add(unsound.Ordinal);
                return true;
            }

            var first = entry.Result.Violations[0];
            if (entry.Result.ContentId is null || entry.Result.Violations.Any(violation => violation.Code == ViolationCodes.MalformedJson))
            {
                Fault = new SnapshotFault(entry.Line, $"{entry}: {first.Message}");
                return false;
            }

            Invalid++;
            if (Issues.Count < MostIssues) Issues.Add(entry);
            return true;
        }
    }
}

/// <summary>What a catalog stands for.</summary>
public enum PlanScope
{
    /// <summary>All there is: what it does not hold is to be delisted, so it must be whole.</summary>
    Mirror = 0,

    /// <summary>
    /// Something to be sent, beside whatever else there is. Nothing vanishes by it, and it need not be whole. Everything is selected that
    /// AlipayHK did not acknowledge just so, unsound items among it.
    /// </summary>
    Additions = 1,
}

/// <summary>A plan, or the fault for which the snapshot is refused; one of them is null.</summary>
public sealed record PlanResult(CatalogPlan? Plan, SnapshotFault? Fault);

/// <summary>Why a snapshot is refused as a whole.</summary>
/// <param name="Line">The line, from 1; null where the fault has no place.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record SnapshotFault(long? Line, string Message);
