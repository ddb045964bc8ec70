using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// Forgets what a <see cref="SqliteLedger"/> need not keep any longer. It reads all records on a connection of its own and lets the writer
/// change a few at a time, so it delays no other call for long.
/// </summary>
public sealed class SqliteLedgerMaintenance(SqliteLedger ledger, SqliteLedgerOptions options, RetentionOptions retention, TimeProvider time)
    : ILedgerMaintenance
{
    private const int PageSize = 2_048;
    private const int MaxPerCommit = 128;

    private static readonly string Page =
        $"SELECT id, content_id, content_status = {(int)ContentStatus.Invalid} "
        + $"AND state IN ({(int)SyncState.Synchronized}, {(int)SyncState.Tombstone}) "
        + "AND max(accepted_at, ifnull(attempt_at, 0), ifnull(synchronized_at, 0), changed_at) < ?2, earlier_attempts, earlier_sent "
        + $"FROM record WHERE id > ?1 ORDER BY id LIMIT {PageSize}";

    // The row up to which the last run came before its time ran out.
    private long _after = long.MinValue;

    /// <inheritdoc/>
    public async Task<MaintenanceResult> RunAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        var (result, started, now) = (new MaintenanceResult(), time.GetTimestamp(), time.GetUtcNow());
        var horizon = now.AddDays(-retention.DelistedDays);
        var oldest = now.AddDays(-retention.HistoryDays);
        using var database = SqliteDatabase.Open(options.Path, SqliteAccess.Read, options.BusyTimeout, options.FileLayer);
        LedgerSchema.Check(database);
        using var select = database.Prepare(Page);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (time.GetElapsedTime(started) > budget) return result with { HasMore = true };
            var (candidates, read) = Read(select, horizon, oldest);
            foreach (var some in candidates.Chunk(MaxPerCommit))
            {
                var pruned = await ledger.PruneAsync(some, horizon, oldest, cancellationToken).ConfigureAwait(false);
                result = result.Plus(pruned);
            }

            result = result with { Scanned = result.Scanned + read };
            if (read < PageSize) break;
            await Task.Yield();
        }

        _after = long.MinValue;
        return result;
    }

    private (List<string> Candidates, int Read) Read(SqliteStatement select, DateTimeOffset horizon, DateTimeOffset oldest)
    {
        var (candidates, read) = (new List<string>(), 0);
        select.Bind(1, _after);
        select.Bind(2, horizon.UtcTicks);
        for (; select.Step(); read++)
        {
            _after = select.Int64(0);
            var hasOldAttempt = AttemptHistory.Of(select.Text(3)) is [var first, ..] && first.At < oldest;
            if (select.Int32(2) != 0 || hasOldAttempt || SentHistory.OldestIn(select.Text(4)) < oldest) candidates.Add(select.Text(1)!);
        }

        return (candidates, read);
    }
}
