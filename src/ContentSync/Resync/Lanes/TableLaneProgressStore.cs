using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using ContentSync.Ledger;

namespace ContentSync.Resync.Lanes;

/// <summary>The lane book in Table storage: an entity for each lane of a run. Thread-safe; any number of processes may write.</summary>
public sealed class TableLaneProgressStore(TableClient table) : ILaneProgressStore
{
    // A lane has one consumer, so that a conflict is one that lost its lock and its successor.
    private const int MostTries = 10;

    /// <summary>Makes the table where it does not exist.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public async Task CreateIfNotExistsAsync(CancellationToken cancellationToken) =>
        await GuardAsync(() => table.CreateIfNotExistsAsync(cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken)
    {
        for (var tries = 0; tries < MostTries; tries++)
        {
            var found = await GuardAsync(() => table.GetEntityIfExistsAsync<TableEntity>(pack.RunId, RowOf(pack.Lane), cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);
            var standing = found.HasValue ? Of(found.Value!) : new LaneProgress { RunId = pack.RunId, Lane = pack.Lane };
            if (standing.With(pack.Number, counts) is not { } next) return false;
            if (await TryWriteAsync(Of(next), found.HasValue ? found.Value!.ETag : null, cancellationToken).ConfigureAwait(false)) return true;
        }

        throw new IOException($"The lane {pack.Lane} in the table {table.Name} was changed by others {MostTries} times while it was to be written; try again.");
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<LaneProgress> ListAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pages = table.QueryAsync<TableEntity>(entity => entity.PartitionKey == runId, cancellationToken: cancellationToken).AsPages().GetAsyncEnumerator(cancellationToken);
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
        await foreach (var standing in ListAsync(runId, cancellationToken).ConfigureAwait(false))
            await GuardAsync(() => table.DeleteEntityAsync(runId, RowOf(standing.Lane), ETag.All, cancellationToken), cancellationToken).ConfigureAwait(false);
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

    private async Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw Unreachable(fault, cancellationToken);
        }
    }

    private IOException Unreachable(Exception fault, CancellationToken cancellationToken) => new(TableLedgerFault.Of(table, fault, cancellationToken).Message, fault);

    private static string RowOf(int lane) => lane.ToString("D4", CultureInfo.InvariantCulture);

    private static LaneProgress Of(TableEntity entity) => new()
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

    private static TableEntity Of(LaneProgress standing) => new(standing.RunId, RowOf(standing.Lane))
    {
        [nameof(LaneProgress.Packs)] = standing.Packs,
        [nameof(RunCounts.Sent)] = standing.Counts.Sent,
        [nameof(RunCounts.Unchanged)] = standing.Counts.Unchanged,
        [nameof(RunCounts.Superseded)] = standing.Counts.Superseded,
        [nameof(RunCounts.Failed)] = standing.Counts.Failed,
        [nameof(RunCounts.Parked)] = standing.Counts.Parked,
    };

    private static long Count(TableEntity entity, string outcome) => entity.GetInt64(outcome) ?? 0;
}
