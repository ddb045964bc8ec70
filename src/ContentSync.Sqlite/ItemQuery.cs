using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// A SELECT of the items that match a filter, without the order; the caller appends conditions, with parameters 1 and 2, and the order.
/// Several of them together select what no single index contains; no item matches two of them at the same time.
/// </summary>
/// <param name="Sql">The statement up to the last condition of the filter.</param>
internal sealed record ItemQuery(string Sql)
{
    private const string Unsettled = " INDEXED BY unsettled";
    private const string ById = " INDEXED BY sqlite_autoindex_record_1";

    /// <param name="filter">The filter.</param>
    /// <param name="isDense">
    /// Whether so many items are out of sync that the order of ids finds a page of them sooner than their index, which must be sorted.
    /// </param>
    public static IReadOnlyList<ItemQuery> Of(SyncRecordFilter filter, bool isDense = false)
    {
        var state = filter.DueBy is not null ? SyncState.Pending : filter.ParkReason is not null ? SyncState.Parked : filter.State;
        if (filter.State is { } given && given != state) return [];
        if (filter.IsStale) return [Of(filter, " INDEXED BY stale", state is { } one ? $"state = {(int)one}" : null)];
        var index = isDense ? ById : Unsettled;
        if (state is SyncState.Pending or SyncState.Parked || (state is SyncState.Tombstone && !filter.SelectsOutOfSync))
            return [Of(filter, index, $"state <> 1 AND state = {(int)state}")];
        if (!filter.SelectsOutOfSync) return [Of(filter, "", state is { } only ? $"state = {(int)only}" : null)];
        // Parked ones first: an item that is parked meanwhile must not appear twice.
        ItemQuery[] all =
        [
            Of(filter, index, $"state <> 1 AND state = {(int)SyncState.Parked}"),
            Of(filter, index, $"state <> 1 AND state = {(int)SyncState.Pending}"),
            Of(filter, " INDEXED BY stale", $"{RecordRow.IsStale} AND state IN ({(int)SyncState.Synchronized}, {(int)SyncState.Tombstone})"),
        ];
        return state is null ? all : all[2..];
    }

    public static void Bind(SqliteStatement select, SyncRecordFilter filter)
    {
        if (filter.DueBy is { } dueBy) select.Bind(3, dueBy.UtcTicks);
        if (filter.ContentType is { } type) select.Bind(4, type);
        if (filter.ResultCode is { } code) select.Bind(5, code);
        if (filter.From is { } from) select.Bind(6, from.UtcTicks);
        if (filter.To is { } to) select.Bind(7, to.UtcTicks);
        if (filter.IdPrefix is not { } prefix) return;
        select.Bind(8, prefix);
        // The greatest character there is: SQLite compares UTF-8 byte by byte.
        select.Bind(9, prefix + "\U0010FFFF");
    }

    private static ItemQuery Of(SyncRecordFilter filter, string index, string? state)
    {
        const string LatestAt = "max(accepted_at, ifnull(attempt_at, 0))";
        var sql = new StringBuilder(RecordRow.SelectItem).Append(index).Append(" WHERE 1");
        if (state is not null) sql.Append(" AND ").Append(state);
        if (filter.State is { } only) sql.Append(" AND state = ").Append((int)only);
        if (filter.IsStale) sql.Append(" AND ").Append(RecordRow.IsStale);
        if (filter.DueBy is not null) sql.Append(" AND due_at <= ?3");
        if (filter.ContentType is not null) sql.Append(" AND content_type = ?4");
        if (filter.ResultCode is not null) sql.Append(" AND attempt_code = ?5");
        if (filter.From is not null) sql.Append(" AND ").Append(LatestAt).Append(" >= ?6");
        if (filter.To is not null) sql.Append(" AND ").Append(LatestAt).Append(" < ?7");
        if (filter.IdPrefix is not null) sql.Append(" AND content_id >= ?8 AND content_id < ?9");
        if (filter.ParkReason is { } reason) sql.Append(" AND park_reason = ").Append((int)reason);
        if (filter.IsFailing) sql.Append(" AND (attempt_code <> 'SUCCESS' OR ").Append(RecordRow.IsStale).Append(')');
        return new ItemQuery(sql.ToString());
    }
}
