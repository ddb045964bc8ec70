using System.Runtime.CompilerServices;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// Scans a ledger without the bodies. It uses its own connection and reads in pages, so it neither waits for the writer nor delays it.
/// </summary>
public sealed class SqliteLedgerScan(SqliteLedgerOptions options) : ILedgerScan
{
    private const int PageSize = 2_048;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var database = SqliteDatabase.Open(options.Path, SqliteAccess.Read, options.BusyTimeout, options.FileLayer);
        LedgerSchema.Check(database);
        using var select = database.Prepare(
            $"SELECT id, content_id, hash, content_status, state, park_reason, accepted_at, {RecordRow.IsStale}, "
            + $"synchronized_at IS NULL, {Column.OrderNames} FROM record "
            + $"WHERE id > ?1 ORDER BY id LIMIT {PageSize}");
        var page = new ScannedItem[PageSize];
        var after = long.MinValue;
        int length;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            length = 0;
            select.Bind(1, after);
            for (; select.Step(); after = select.Int64(0)) page[length++] = Read(select);
            for (var i = 0; i < length; i++) yield return page[i];
            if (length == PageSize) await Task.Yield();
        }
        while (length == PageSize);
    }

    private static ScannedItem Read(SqliteStatement row) => new(
        row.Text(1)!,
        new ContentHash(row.Bytes(2)),
        (ContentStatus)row.Int32(3),
        (SyncState)row.Int32(4),
        row.IsNull(5) ? null : (ParkReason)row.Int32(5),
        row.Time(6),
        RecordRow.ReadOrder(row, 9))
    {
        IsStale = row.Int32(7) != 0,
        IsUnknownToAlipayHk = row.Int32(8) != 0,
    };
}
