using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using ContentSync.Diagnostics;
using ContentSync.Ledger;

namespace ContentSync.Resync.Lanes;

/// <summary>Lane progress in Table storage: one entity per lane of a run. Thread-safe; any number of processes may write.</summary>
public sealed class TableLaneProgressStore(TableClient table) : ILaneProgressStore
{
    // A lane has one consumer, so a conflict only occurs between a consumer that lost its session lock and its successor.
    private const int MaxAttempts = 10;

    /// <summary>Creates the table if it does not exist.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public async Task CreateIfNotExistsAsync(CancellationToken cancellationToken) =>
        await GuardAsync(() => table.CreateIfNotExistsAsync(cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken)
    {
        for (var attempts = 0; attempts < MaxAttempts; attempts++)
        {
            var found = await GuardAsync(
                () => table.GetEntityIfExistsAsync<TableEntity>(pack.RunId, RowOf(pack.Lane), cancellationToken: cancellationToken),
                cancellationToken).ConfigureAwait(false);
            var progress = found.HasValue ? Of(found.Value!) : new LaneProgress { RunId = pack.RunId, Lane = pack.Lane };
            if (progress.With(pack.Number, counts) is not { } next) return false;
            if (await TryWriteAsync(Of(next), found.HasValue ? found.Value!.ETag : null, cancellationToken).ConfigureAwait(false)) return true;
        }

        throw new IOException(
            $"Lane {pack.Lane} in the table {table.Name} was changed by another process in each of {MaxAttempts} attempts to write it; try again.");
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<LaneProgress> ListAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pages = table
            .QueryAsync<TableEntity>(entity => entity.PartitionKey == runId, cancellationToken: cancellationToken)
            .AsPages()
            .GetAsyncEnumerator(cancellationToken);
        await using (pages.ConfigureAwait(false))
        {
            while (await GuardAsync(() => pages.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
            {
                foreach (var entity in pages.Current.Values) yield return Of(entity);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(string runId, CancellationToken cancellationToken)
    {
        await foreach (var progress in ListAsync(runId, cancellationToken).ConfigureAwait(false))
        {
            await GuardAsync(
                () => table.DeleteEntityAsync(runId, RowOf(progress.Lane), ETag.All, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> TryWriteAsync(TableEntity entity, ETag? version, CancellationToken cancellationToken)
    {
        try
        {
            await (version is { } tag
                ? table.UpdateEntityAsync(entity, tag, TableUpdateMode.Replace, cancellationToken)
                : table.AddEntityAsync(entity, cancellationToken)).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            return false;
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw Unreachable(fault, cancellationToken);
        }
    }

    private Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken) =>
        TableLedgerFault.GuardAsync(call, fault => Unreachable(fault, cancellationToken));

    private IOException Unreachable(Exception fault, CancellationToken cancellationToken) =>
        new(TableLedgerFault.Of(table, fault, cancellationToken).Message, fault);

    private static string RowOf(int lane) => lane.ToString("D4", CultureInfo.InvariantCulture);

    /// <exception cref="IOException">A newer version of this program wrote the entity.</exception>
    internal static LaneProgress Of(TableEntity entity)
    {
        if (StoredFormat.Fault("A row of the lanes' table", entity.GetInt32(StoredFormat.Property)) is { } fault) throw new IOException(fault);
        return new LaneProgress
        {
            RunId = entity.PartitionKey,
            Lane = int.Parse(entity.RowKey, CultureInfo.InvariantCulture),
            Packs = entity.GetString(nameof(LaneProgress.Packs)),
            Counts = new RunCounts
            {
                Sent = Count(entity, nameof(RunCounts.Sent)),
                Unchanged = Count(entity, nameof(RunCounts.Unchanged)),
                Superseded = Count(entity, nameof(RunCounts.Superseded)),
                Failed = Count(entity, nameof(RunCounts.Failed)),
                Parked = Count(entity, nameof(RunCounts.Parked)),
            },
        };
    }

    private static TableEntity Of(LaneProgress progress) => new(progress.RunId, RowOf(progress.Lane))
    {
        [nameof(LaneProgress.Packs)] = progress.Packs,
        [nameof(RunCounts.Sent)] = progress.Counts.Sent,
        [nameof(RunCounts.Unchanged)] = progress.Counts.Unchanged,
        [nameof(RunCounts.Superseded)] = progress.Counts.Superseded,
        [nameof(RunCounts.Failed)] = progress.Counts.Failed,
        [nameof(RunCounts.Parked)] = progress.Counts.Parked,
    };

    private static long Count(TableEntity entity, string outcome) => entity.GetInt64(outcome) ?? 0;
}
