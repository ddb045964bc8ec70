using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>Compares a catalog with the ledger.</summary>
public interface ICatalogPlanner
{
    /// <summary>Reads the snapshot to its end and plans, or refuses the whole snapshot.</summary>
    /// <returns>The plan, which the caller disposes of; or the reason there is none.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken);
}

/// <summary>
/// Compares a whole catalog with the ledger. Both are streamed once, in parallel, into small entries on disk, partitioned by a hash of
/// the contentId; then the partitions are compared in memory, one after the other. Memory use grows with the catalog by only one bit
/// per item. Thread-safe.
/// </summary>
/// <param name="reader">Reads the catalog.</param>
/// <param name="ledger">Scanned once per plan.</param>
/// <param name="temporaryFolder">Holds the entries while planning: about 90 bytes per item.</param>
public sealed class CatalogPlanner(CatalogReader reader, ILedgerScan ledger, string temporaryFolder) : ICatalogPlanner
{
    /// <summary>
    /// Reads the snapshot to its end and plans. Refuses a snapshot that cannot be read to its end, that changes meanwhile, or that holds a
    /// line whose contentId cannot be read: an item missing because of that would be delisted by mistake. An item that is merely invalid
    /// is left alone: neither sent nor delisted.
    /// </summary>
    /// <returns>The plan, which the caller disposes of; or the reason there is none.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken) =>
        PlanAsync(snapshot, PlanScope.Mirror, cancellationToken);

    /// <inheritdoc cref="PlanAsync(ICatalogSnapshot, CancellationToken)"/>
    /// <param name="snapshot">Read once.</param>
    /// <param name="scope">Whether items absent from the catalog are delisted.</param>
    /// <param name="cancellationToken">Cancels the planning; its files are deleted.</param>
    public async Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanScope scope, CancellationToken cancellationToken)
    {
        using var partitions = PlanPartitions.Create(temporaryFolder);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var ledgerScan = Task.Run(() => PartitionLedgerAsync(partitions, snapshot.WrittenAt, stop.Token), stop.Token);
        CatalogScanResult scan;
        try
        {
            scan = await Task.Run(() => PartitionCatalogAsync(partitions, snapshot, scope, stop.Token), stop.Token).ConfigureAwait(false);
        }
        catch
        {
            await StopAsync(stop, ledgerScan).ConfigureAwait(false);
            throw;
        }

        if (scan.Fault is { } fault)
        {
            await StopAsync(stop, ledgerScan).ConfigureAwait(false);
            return new PlanResult(null, fault);
        }

        await ledgerScan.ConfigureAwait(false);
        partitions.Complete();
        var plan = await Task.Run(() => Compare(partitions, scan, scope, cancellationToken), cancellationToken).ConfigureAwait(false);
        return new PlanResult(plan, null);
    }

    private static async Task StopAsync(CancellationTokenSource stop, Task ledgerScan)
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await ledgerScan.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<CatalogScanResult> PartitionCatalogAsync(
        PlanPartitions partitions, ICatalogSnapshot snapshot, PlanScope scope, CancellationToken cancellationToken)
    {
        var scan = new CatalogScanResult(scope, snapshot.MappingDigest is not null);
        try
        {
            var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await new PlanScan(reader)
                    .RunAsync(stream, chunk => scan.Add(chunk) && partitions.Add(chunk.Items), cancellationToken)
                    .ConfigureAwait(false);
            }

            if (scan.Fault is not null) return scan;
        }
        catch (CatalogFormatException) when (scope == PlanScope.Additions)
        {
            // The caller reads the file again with this plan, and reports the same fault then.
        }
        catch (Exception e) when (e is CatalogFormatException or IOException)
        {
            scan.Fault = new SnapshotFault((e as CatalogFormatException)?.Line, e.Message);
            return scan;
        }

        if (!await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false))
        {
            scan.Fault = new SnapshotFault(
                null, $"{snapshot.Name} was written to while it was read; write it under another name and rename it when it is complete.");
        }
        return scan;
    }

    private async Task PartitionLedgerAsync(PlanPartitions partitions, DateTimeOffset writtenAt, CancellationToken cancellationToken)
    {
        await foreach (var item in ledger.ReadAsync(cancellationToken).ConfigureAwait(false)) partitions.AddLedgerItem(item, writtenAt);
    }

    private static CatalogPlan Compare(PlanPartitions partitions, CatalogScanResult scan, PlanScope scope, CancellationToken cancellationToken)
    {
        var plan = CatalogPlan.Create(scan.Items);
        try
        {
            foreach (var ordinal in scan.SelectedInvalid) plan.Select(ordinal);
            var comparison = new PlanComparison(plan, scope) { WithholdsDelistings = scan.WithholdsDelistings };
            for (var partition = 0; partition < PlanPartitions.Partitions; partition++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                comparison.Run(partitions, partition);
            }

            plan.Seal(comparison.Counts with { Items = scan.Items, Invalid = scan.Invalid }, scan.Issues);
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }

    /// <summary>The outcome of scanning the catalog.</summary>
    private sealed class CatalogScanResult(PlanScope scope, bool isMapped)
    {
        /// <summary>Share of a mapped catalog's items that may be invalid before nothing is delisted.</summary>
        private const double MaxInvalidShare = 0.1;

        private const int MaxIssues = 100;

        public SnapshotFault? Fault { get; set; }

        public long Items { get; private set; }

        public long Invalid { get; private set; }

        public bool WithholdsDelistings => isMapped && Invalid > Items * MaxInvalidShare;

        public List<CatalogEntry> Issues { get; } = [];

        /// <summary>Ordinals of invalid items to select, so that the reader of the plan reports them.</summary>
        public List<long> SelectedInvalid { get; } = [];

        /// <returns>False if one of its items makes the whole snapshot unusable.</returns>
        public bool Add(PlanChunk chunk)
        {
            Items += chunk.Count;
            return chunk.Invalid.All(Add);
        }

        private bool Add((long Ordinal, CatalogEntry Entry) invalid)
        {
            var entry = invalid.Entry;
            if (scope == PlanScope.Additions)
            {
                Invalid++;
                SelectedInvalid.Add(invalid.Ordinal);
                return true;
            }

            var first = entry.Result.Violations[0];
            // A feed usually has records without an id; the guard and the share of invalid records bound what that can delist.
            var isUnknown = entry.Result.ContentId is null
                || entry.Result.Violations.Any(violation => violation.Code == ViolationCodes.MalformedJson);
            if (isUnknown && !isMapped)
            {
                Fault = new SnapshotFault(entry.Line, $"{entry}: {first.Message}");
                return false;
            }

            Invalid++;
            if (Issues.Count < MaxIssues) Issues.Add(entry);
            return true;
        }
    }
}

/// <summary>How a catalog relates to all items.</summary>
public enum PlanScope
{
    /// <summary>The catalog is everything: listed items that are absent from it are delisted, so it must be complete.</summary>
    Mirror = 0,

    /// <summary>
    /// The catalog is items to send, among others. Nothing is delisted for being absent, and the file need not be complete. Selects every
    /// item whose version AlipayHK has not acknowledged, and the invalid items.
    /// </summary>
    Additions = 1,
}

/// <summary>A plan, or the fault for which the snapshot is refused; exactly one of them is null.</summary>
public sealed record PlanResult(CatalogPlan? Plan, SnapshotFault? Fault);

/// <summary>Why a whole snapshot is refused.</summary>
/// <param name="Line">The line, from 1; null if the fault has no line.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record SnapshotFault(long? Line, string Message);
