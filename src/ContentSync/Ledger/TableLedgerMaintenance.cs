using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>
/// What a <see cref="TableLedger"/> does on a timer: counts its items, because the service cannot, compares the index with the
/// records, adds what an index lacks, and forgets what it need not keep any longer. A count is a scan in chunks whose progress is stored,
/// so a stop costs one chunk. Any number of processes may run it; only one of them gets on at a time.
/// </summary>
/// <param name="ledger">The ledger.</param>
/// <param name="time">Clock of the counts; the ledger's own.</param>
/// <param name="retention">How long to keep what.</param>
public sealed class TableLedgerMaintenance(TableLedger ledger, TimeProvider time, RetentionOptions retention) : ILedgerMaintenance
{
    /// <summary>Time from the beginning of a scan of all records to that of the next one.</summary>
    public static readonly TimeSpan ScanInterval = TimeSpan.FromDays(1);

    /// <summary>Records of one partition that a scan deletes or shortens; the next scan continues. Each takes two transactions.</summary>
    public const int MaxPrunedPerPartition = 2_000;

    private const int ChunkPartitions = 16;
    private const string Partition = "00";

    // Neither records nor index rows: after ~g.
    private const string ProgressRow = "~p";
    private const string OutOfSyncRow = "~s";
    private const string InSyncRow = "~t";

    private readonly TableClient _table = ledger.Table;

    /// <summary>Counts what is out of sync, then begins or continues a scan of all records if one is due.</summary>
    /// <param name="budget">Time after which no further chunk of a scan is begun.</param>
    /// <param name="cancellationToken">Stops; what the stored progress does not contain is done again.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be used.</exception>
    public async Task<MaintenanceResult> RunAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        try
        {
            await ledger.Index.AddsRowsAsync(cancellationToken).ConfigureAwait(false);
            var isComplete = await ledger.Index.IsCompleteAsync(cancellationToken).ConfigureAwait(false);
            if (isComplete) await CountOutOfSyncAsync(cancellationToken).ConfigureAwait(false);
            return await ScanAsync(isComplete, budget, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(_table, fault, cancellationToken);
        }
    }

    /// <summary>The counts as of the last runs.</summary>
    internal static async ValueTask<LedgerCounts> ReadCountsAsync(TableClient table, CancellationToken cancellationToken)
    {
        var outOfSync = await ReadAsync(table, OutOfSyncRow, cancellationToken).ConfigureAwait(false);
        var inSync = await ReadAsync(table, InSyncRow, cancellationToken).ConfigureAwait(false);
        var scanned = LedgerCounts.Of(inSync?.GetString("Counts"));
        var counted = LedgerCounts.Of(outOfSync?.GetString("Counts")) ?? scanned;
        if (counted is null) return new LedgerCounts { IsComplete = false };
        var counts = counted with
        {
            OutOfSyncAt = (outOfSync ?? inSync)!.GetDateTimeOffset("StartedAt"),
            InSyncAt = inSync?.GetDateTimeOffset("StartedAt"),
            IsComplete = scanned is not null,
            Types = scanned?.Types ?? [],
            TemplateStatuses = scanned?.TemplateStatuses ?? [],
        };
        foreach (var state in (SyncState[])[SyncState.Synchronized, SyncState.Tombstone])
            counts.States[state] = scanned?.States.GetValueOrDefault(state) ?? 0;
        return counts;
    }

    private async Task CountOutOfSyncAsync(CancellationToken cancellationToken)
    {
        var (counts, startedAt) = (new LedgerCounts(), time.GetUtcNow());
        var items = ledger.ListItemsAsync(new SyncRecordFilter { IsOutOfSync = true }, cancellationToken);
        await foreach (var item in items.ConfigureAwait(false)) counts.Add(item);
        await WriteAsync(OutOfSyncRow, startedAt, counts, cancellationToken).ConfigureAwait(false);
    }

    private async Task<MaintenanceResult> ScanAsync(bool isComplete, TimeSpan budget, CancellationToken cancellationToken)
    {
        var result = new MaintenanceResult();
        var started = time.GetTimestamp();
        var progress = await ReadAsync(_table, ProgressRow, cancellationToken).ConfigureAwait(false);
        if (IsDue(progress, isComplete)) progress = await BeginAsync(progress?.ETag, cancellationToken).ConfigureAwait(false);
        while (progress?.GetInt32("Next") is { } next && next < IPartitionedLedgerScan.Partitions)
        {
            if (time.GetElapsedTime(started) > budget) return result with { HasMore = true };
            var counts = LedgerCounts.Of(progress.GetString("Counts"))!;
            var chunk = await Task
                .WhenAll(Enumerable.Range(next, ChunkPartitions).Select(partition => ScanPartitionAsync(partition, progress, cancellationToken)))
                .ConfigureAwait(false);
            foreach (var partition in chunk)
            {
                counts.Add(partition.Counts);
                result = result.Plus(partition.Result);
            }

            progress["Forgettable"] = progress.GetInt64("Forgettable") + chunk.Sum(partition => partition.Forgettable);
            progress["Next"] = next + ChunkPartitions;
            progress["Counts"] = counts.ToText();
            if (next + ChunkPartitions == IPartitionedLedgerScan.Partitions)
                await FinishAsync(progress, counts, cancellationToken).ConfigureAwait(false);
            progress = await SaveAsync(progress, cancellationToken).ConfigureAwait(false);
        }

        return result;
    }

    // A scan that began before this step may have missed records that an instance without an index was still writing.
    private bool IsDue(TableEntity? progress, bool isComplete)
    {
        if (progress is null) return true;
        var completes = ledger.Index.MayComplete && !isComplete;
        var isFinished = progress.GetInt32("Next") >= IPartitionedLedgerScan.Partitions;
        if (completes && progress.GetBoolean("Completes") != true) return true;
        return isFinished && (completes || time.GetUtcNow() - progress.GetDateTimeOffset("StartedAt") >= ScanInterval);
    }

    private async Task<TableEntity?> BeginAsync(ETag? etag, CancellationToken cancellationToken)
    {
        var progress = new TableEntity(Partition, ProgressRow)
        {
            ["StartedAt"] = time.GetUtcNow(),
            ["Completes"] = ledger.Index.MayComplete,
            ["Next"] = 0,
            ["Counts"] = new LedgerCounts().ToText(),
            ["Forgettable"] = 0L,
        };
        if (await ledger.Horizon.ReadKnownToAllAsync(cancellationToken).ConfigureAwait(false) is { } horizon) progress["Horizon"] = horizon;
        if (etag is { } known)
        {
            progress.ETag = known;
            return await SaveAsync(progress, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            var added = await _table.AddEntityAsync(progress, cancellationToken).ConfigureAwait(false);
            progress.ETag = added.Headers.ETag!.Value;
            return progress;
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            return null;
        }
    }

    /// <returns>Null if another process got on instead.</returns>
    private async Task<TableEntity?> SaveAsync(TableEntity progress, CancellationToken cancellationToken)
    {
        try
        {
            var saved = await _table
                .UpdateEntityAsync(progress, progress.ETag, TableUpdateMode.Replace, cancellationToken)
                .ConfigureAwait(false);
            progress.ETag = saved.Headers.ETag!.Value;
            return progress;
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            return null;
        }
    }

    private async Task FinishAsync(TableEntity progress, LedgerCounts counts, CancellationToken cancellationToken)
    {
        await WriteAsync(InSyncRow, progress.GetDateTimeOffset("StartedAt")!.Value, counts, cancellationToken).ConfigureAwait(false);
        // Items are forgotten by the next scan, when every process knows the horizon.
        if (progress.GetInt64("Forgettable") > 0)
            await ledger.Horizon.RaiseAsync(HorizonOf(progress), cancellationToken).ConfigureAwait(false);
        if (progress.GetBoolean("Completes") == true) await ledger.Index.MarkCompleteAsync(cancellationToken).ConfigureAwait(false);
    }

    private DateTimeOffset HorizonOf(TableEntity progress) => progress.GetDateTimeOffset("StartedAt")!.Value.AddDays(-retention.DelistedDays);

    private async Task<ScannedPartition> ScanPartitionAsync(int partition, TableEntity progress, CancellationToken cancellationToken)
    {
        var (counts, result, forgettable, pruned) = (new LedgerCounts(), new MaintenanceResult(), 0L, 0);
        var horizon = HorizonOf(progress);
        var oldest = progress.GetDateTimeOffset("StartedAt")!.Value.AddDays(-retention.HistoryDays);
        var key = TableLedgerKey.PartitionKeyOf(partition);
        var records = Rows(key, "", TableLedgerIndexRow.EndOfRecords, TableLedgerEntity.MaintenanceColumns, cancellationToken);
        var rows = Rows(key, TableLedgerIndexRow.Prefix, TableLedgerIndexRow.End, TableLedgerIndexRow.Columns, cancellationToken);
        await using var closingRecords = records.ConfigureAwait(false);
        await using var closingRows = rows.ConfigureAwait(false);
        var (hasRecord, hasRow) = (await records.MoveNextAsync().ConfigureAwait(false), await rows.MoveNextAsync().ConfigureAwait(false));
        while (hasRecord || hasRow)
        {
            var record = hasRecord ? records.Current.RowKey : null;
            var row = hasRow ? rows.Current.RowKey[TableLedgerIndexRow.Prefix.Length..] : null;
            var order = record is null ? 1 : row is null ? -1 : string.CompareOrdinal(record, row);
            var isRight = false;
            if (order <= 0)
            {
                result = result with { Scanned = result.Scanned + 1 };
                var item = TableLedgerEntity.ReadItem(records.Current);
                counts.Add(item);
                isRight = item.IsOutOfSync == (order == 0)
                    && TableLedgerEntity.HasIndexRowOf(records.Current) == item.IsOutOfSync
                    && (order < 0 || TableLedgerIndexRow.IsSame(item, TableLedgerIndexRow.Read(rows.Current)));
            }

            var which = new TableLedgerKey(key, (order > 0 ? row : record)!);
            if (!isRight && await ledger.RepairAsync(which, cancellationToken).ConfigureAwait(false))
                result = result with { Repaired = result.Repaired + 1 };
            if (order <= 0)
            {
                var item = TableLedgerEntity.ReadItem(records.Current);
                var mayForget = RetentionRules.MayBeForgettable(item, horizon);
                if (mayForget) forgettable++;
                var mayTrim = (TableLedgerEntity.HistoryFromOf(records.Current) ?? item.LastAttempt?.At) < oldest;
                if ((mayForget || mayTrim) && pruned++ < MaxPrunedPerPartition)
                {
                    var known = progress.GetDateTimeOffset("Horizon");
                    result = result.Plus(await ledger.PruneAsync(which, known, oldest, cancellationToken).ConfigureAwait(false));
                }
            }

            if (order <= 0) hasRecord = await records.MoveNextAsync().ConfigureAwait(false);
            if (order >= 0) hasRow = await rows.MoveNextAsync().ConfigureAwait(false);
        }

        return new ScannedPartition(counts, result, forgettable);
    }

    private IAsyncEnumerator<TableEntity> Rows(
        string partition, string from, string before, IReadOnlyList<string> columns, CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {before}");
        return _table.QueryAsync<TableEntity>(filter, select: columns, cancellationToken: cancellationToken).GetAsyncEnumerator(cancellationToken);
    }

    private static async ValueTask<TableEntity?> ReadAsync(TableClient table, string row, CancellationToken cancellationToken)
    {
        var found = await table.GetEntityIfExistsAsync<TableEntity>(Partition, row, cancellationToken: cancellationToken).ConfigureAwait(false);
        return found.HasValue ? found.Value : null;
    }

    private async Task WriteAsync(string row, DateTimeOffset startedAt, LedgerCounts counts, CancellationToken cancellationToken)
    {
        var entity = new TableEntity(Partition, row) { ["StartedAt"] = startedAt, ["Counts"] = counts.ToText() };
        await _table.UpsertEntityAsync(entity, TableUpdateMode.Replace, cancellationToken).ConfigureAwait(false);
    }

    /// <param name="Counts">The records counted.</param>
    /// <param name="Result">What was done.</param>
    /// <param name="Forgettable">Records that may be older than the next horizon.</param>
    private readonly record struct ScannedPartition(LedgerCounts Counts, MaintenanceResult Result, long Forgettable);
}
