using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ContentSync.Catalog;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// The steps of one plan. What a step has done stands in the plan's files, and only there; each call continues with what is missing.
/// </summary>
internal sealed class PlanSteps(
    CatalogReader reader,
    ILedgerScan ledger,
    IPlanFiles files,
    TimeProvider time,
    string plan,
    ICatalogSnapshot snapshot,
    PlanRequest request,
    int segmentItems)
{
    /// <summary>Changes with every change of the files, so that a new version of this program does not continue with an old one's.</summary>
    public const int Format = 2;

    private const string CatalogEndName = "catalog-end";
    private const string LedgerEndName = "ledger-end";
    private const string PlanName = "plan";
    private const int BufferSize = 64 * 1024;

    // The names of the segments of a ledger of 200 million records.
    private const int MaxJsonBytes = 16 * 1024;

    /// <summary>Partitions of the ledger that are read concurrently; a single reader mostly waits for the service.</summary>
    private const int MaxReaders = 8;

    /// <summary>Items of the catalog in memory, in all partitions that are compared concurrently: 48 MiB.</summary>
    private const long MaxItemsInMemory = 1024 * 1024;

    private readonly PlanPartitioning _partitioning = new(ledger);

    private bool IsSpent => request.IsSpent?.Invoke() ?? false;

    /// <summary>Continues the plan.</summary>
    public async Task<PlanResult> RunAsync(CancellationToken cancellationToken)
    {
        var names = await files.ListAsync(plan, cancellationToken).ConfigureAwait(false);
        if (names.Contains(PlanName)) return new PlanResult(await OpenAsync(cancellationToken).ConfigureAwait(false), null);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var copying = ledger is IPartitionedLedgerScan || names.Contains(LedgerEndName)
            ? Task.CompletedTask
            : Task.Run(() => CopyLedgerAsync(stop.Token), stop.Token);
        CatalogStep step;
        try
        {
            step = await Task.Run(() => ReadCatalogAsync(names, stop.Token), stop.Token).ConfigureAwait(false);
        }
        catch
        {
            await StopAsync(stop, copying).ConfigureAwait(false);
            throw;
        }

        if (step.End is not { } end)
        {
            await StopAsync(stop, copying).ConfigureAwait(false);
            return new PlanResult(null, step.Fault, step.Fault is null ? new PlanProgress(step.ItemsRead, 0) : null);
        }

        await copying.ConfigureAwait(false);
        return await Task.Run(() => CompareAsync(end, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    private static async Task StopAsync(CancellationTokenSource stop, Task copying)
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await copying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<CatalogStep> ReadCatalogAsync(IReadOnlySet<string> names, CancellationToken cancellationToken)
    {
        if (names.Contains(CatalogEndName))
        {
            var known = await ReadJsonAsync(CatalogEndName, PlanJson.Default.PlanCatalogEnd, cancellationToken).ConfigureAwait(false);
            return new CatalogStep(known, null, known.Items);
        }

        var scan = new CatalogScan(files, plan, request, segmentItems);
        await scan.ResumeAsync(names, cancellationToken).ConfigureAwait(false);
        if (await ScanAsync(scan, cancellationToken).ConfigureAwait(false) is { } fault) return new CatalogStep(null, fault, scan.Items);
        if (scan.WasStopped) return new CatalogStep(null, null, scan.Items);
        var isProven = snapshot is DeclaredSnapshot { IsProven: true };
        var end = await scan.CompleteAsync(isProven, cancellationToken).ConfigureAwait(false);
        await WriteJsonAsync(CatalogEndName, end, PlanJson.Default.PlanCatalogEnd, cancellationToken).ConfigureAwait(false);
        return new CatalogStep(end, null, end.Items);
    }

    private async ValueTask<SnapshotFault?> ScanAsync(CatalogScan scan, CancellationToken cancellationToken)
    {
        try
        {
            var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await new PlanScan(reader, _partitioning)
                    .RunAsync(stream, scan.Items, chunk => scan.AddAsync(chunk, cancellationToken), cancellationToken)
                    .ConfigureAwait(false);
            }
        }
        catch (CatalogFormatException) when (request.Scope == PlanScope.Additions)
        {
            // The caller reads the file again with this plan, and reports the same fault then.
        }
        catch (Exception e) when (e is CatalogFormatException or (IOException and not (PlanStorageException or CatalogUnavailableException)))
        {
            return new SnapshotFault((e as CatalogFormatException)?.Line, e.Message);
        }

        if (scan.WasStopped) return null;
        if (scan.EndsInsideItem && request.Scope == PlanScope.Mirror)
        {
            return new SnapshotFault(scan.Line, string.Create(
                CultureInfo.InvariantCulture,
                $"The catalog ends inside an item (line {scan.Line}), so it is truncated; write it again, completely."));
        }

        return await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false)
            ? null
            : new SnapshotFault(
                null, $"{snapshot.Name} was written to while it was read; write it under another name and rename it when it is complete.");
    }

    private async Task CopyLedgerAsync(CancellationToken cancellationToken)
    {
        // What an interrupted copy wrote is not used: the ledger may have changed, and it has no order to continue in.
        var copy = $"ledger-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        var segment = new PlanSegment();
        var segments = 0;
        var entry = new byte[LedgerItemReader.MaxEntryBytes];
        await foreach (var item in ledger.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var key = PlanKey.Of(item.ContentId);
            segment.Add(_partitioning.Of(key, item.ContentId), LedgerItemReader.Write(entry, key, item), []);
            if (segment.Items == segmentItems) await WriteAsync().ConfigureAwait(false);
        }

        if (segment.Items > 0) await WriteAsync().ConfigureAwait(false);
        string[] names = [.. PlanSegment.Names(copy, segments)];
        await WriteJsonAsync(LedgerEndName, names, PlanJson.Default.StringArray, cancellationToken).ConfigureAwait(false);

        async ValueTask WriteAsync()
        {
            await files.WriteAsync(plan, PlanSegment.Name(copy, segments), segment.ContentAsync(default), cancellationToken).ConfigureAwait(false);
            segments++;
            segment.Clear();
        }
    }

    private async Task<PlanResult> CompareAsync(PlanCatalogEnd end, CancellationToken cancellationToken)
    {
        var catalog = await PlanSegments
            .OpenAsync(files, plan, PlanSegment.Names(CatalogScan.Prefix, end.Segments), cancellationToken)
            .ConfigureAwait(false);
        var rules = new PlanRules(request, snapshot, time.GetUtcNow(), end);
        var ledgerSide = await LedgerSideAsync(cancellationToken).ConfigureAwait(false);
        var names = await files.ListAsync(plan, cancellationToken).ConfigureAwait(false);
        var (_, next) = ComparedPartitions.Chain(names);
        if (next < PlanPartitioning.Partitions)
        {
            var idle = new Stack<PlanComparison>();
            next = await CompareFromAsync(next, catalog, () => Rent(idle, catalog, ledgerSide, rules), idle, cancellationToken).ConfigureAwait(false);
        }

        if (next < PlanPartitioning.Partitions)
            return new PlanResult(null, null, new PlanProgress(end.Items, (double)next / PlanPartitioning.Partitions));
        await WritePlanAsync(catalog, end, cancellationToken).ConfigureAwait(false);
        return new PlanResult(await OpenAsync(cancellationToken).ConfigureAwait(false), null);
    }

    private async ValueTask WritePlanAsync(PlanSegments catalog, PlanCatalogEnd end, CancellationToken cancellationToken)
    {
        var names = await files.ListAsync(plan, cancellationToken).ConfigureAwait(false);
        var compared = new List<ComparedFile>();
        foreach (var name in ComparedPartitions.Chain(names).Names)
            compared.Add(await ComparedFile.ReadAsync(files, plan, name, cancellationToken).ConfigureAwait(false));
        var assembly = new PlanAssembly(catalog, compared, end, request.Scope);
        await files.WriteAsync(plan, PlanName, assembly.ContentAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<IPlanLedger> LedgerSideAsync(CancellationToken cancellationToken)
    {
        if (ledger is IPartitionedLedgerScan partitioned) return new PartitionedPlanLedger(partitioned);
        var names = await ReadJsonAsync(LedgerEndName, PlanJson.Default.StringArray, cancellationToken).ConfigureAwait(false);
        return new CopiedPlanLedger(await PlanSegments.OpenAsync(files, plan, names, cancellationToken).ConfigureAwait(false));
    }

    private static PlanComparison Rent(Stack<PlanComparison> idle, PlanSegments catalog, IPlanLedger ledgerSide, PlanRules rules)
    {
        lock (idle) return idle.TryPop(out var comparison) ? comparison : new PlanComparison(catalog, ledgerSide, rules);
    }

    /// <summary>Compares several partitions at a time, and writes their outcomes in order.</summary>
    /// <returns>The first partition that is not compared.</returns>
    private async ValueTask<int> CompareFromAsync(
        int first, PlanSegments catalog, Func<PlanComparison> rent, Stack<PlanComparison> idle, CancellationToken cancellationToken)
    {
        var ahead = new Queue<Task<ComparedPartition>>();
        var started = first;
        var inMemory = 0L;
        var maxAhead = ledger is IPartitionedLedgerScan ? MaxReaders : Math.Min(Environment.ProcessorCount, MaxReaders);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            for (var group = new ComparedPartitions(first); ;)
            {
                while (started < PlanPartitioning.Partitions && ahead.Count < maxAhead
                    && (ahead.Count == 0 || inMemory + ItemsIn(catalog, started) <= MaxItemsInMemory))
                {
                    inMemory += ItemsIn(catalog, started);
                    ahead.Enqueue(CompareOneAsync(started++, rent(), idle, stop.Token));
                }

                inMemory -= ItemsIn(catalog, group.To);
                group.Add(await ahead.Dequeue().ConfigureAwait(false));
                var isLast = group.To == PlanPartitioning.Partitions;
                var isSpent = !isLast && IsSpent;
                if (!isLast && !isSpent && !group.IsFull) continue;
                await files.WriteAsync(plan, group.Name, group.ContentAsync(), cancellationToken).ConfigureAwait(false);
                if (isLast || isSpent) return group.To;
                group = new ComparedPartitions(group.To);
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Task<ComparedPartition> CompareOneAsync(
        int partition, PlanComparison comparison, Stack<PlanComparison> idle, CancellationToken cancellationToken) =>
        Task.Run(
            async () =>
            {
                var compared = await comparison.RunAsync(partition, cancellationToken).ConfigureAwait(false);
                lock (idle) idle.Push(comparison);
                return compared;
            },
            cancellationToken);

    private static long ItemsIn(PlanSegments catalog, int partition) => catalog.Bytes(partition) / PlanItem.Size;

    private async ValueTask<CatalogPlan> OpenAsync(CancellationToken cancellationToken)
    {
        var length = await files.LengthAsync(plan, PlanName, cancellationToken).ConfigureAwait(false);
        return await CatalogPlan
            .OpenAsync(
                _ => ValueTask.FromResult<Stream>(new PlanFileStream(files, plan, PlanName, 0, length, BufferSize)),
                () => files.DeleteAsync(plan, CancellationToken.None),
                cancellationToken)
            .ConfigureAwait(false);
    }

    private async ValueTask<T> ReadJsonAsync<T>(string name, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        var bytes = new byte[MaxJsonBytes];
        var length = await files.ReadAsync(plan, name, 0, bytes, cancellationToken).ConfigureAwait(false);
        return JsonSerializer.Deserialize(bytes.AsSpan(0, length), type)!;
    }

    private ValueTask WriteJsonAsync<T>(string name, T value, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        files.WriteAsync(plan, name, One(JsonSerializer.SerializeToUtf8Bytes(value, type)), cancellationToken);

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> One(byte[] bytes)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        yield return bytes;
    }

    /// <param name="End">What the whole catalog holds; null if it was not read to its end.</param>
    /// <param name="Fault">Why the snapshot is refused; null if it is not.</param>
    /// <param name="ItemsRead">Items that were read.</param>
    private readonly record struct CatalogStep(PlanCatalogEnd? End, SnapshotFault? Fault, long ItemsRead);
}
