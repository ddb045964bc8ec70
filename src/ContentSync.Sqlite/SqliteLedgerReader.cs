using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// Reads a ledger, even one that another process owns. Sees every acknowledged write. Never blocks the writer. It reads in pages, so
/// it delays checkpoints of the write-ahead log only briefly.
/// </summary>
public sealed class SqliteLedgerReader : IAsyncDisposable
{
    private const int PageSize = 256;
    private const int MaxIdle = 4;

    /// <summary>Items out of sync from which on a page follows the order of ids instead of sorting them all.</summary>
    private const int Dense = 20_000;

    private readonly SqliteLedgerOptions _options;
    private readonly ConcurrentBag<SqliteDatabase> _idle = [];
    private volatile bool _disposed;

    private SqliteLedgerReader(SqliteLedgerOptions options) => _options = options;

    /// <exception cref="LedgerUnavailableException">The ledger does not exist or cannot be read.</exception>
    internal static SqliteLedgerReader Open(SqliteLedgerOptions options)
    {
        if (!File.Exists(options.Path))
        {
            throw new LedgerUnavailableException(
                $"There is no ledger at {options.Path}; nothing has been synchronized with this folder yet.");
        }

        var reader = new SqliteLedgerReader(options);
        reader.Return(reader.Rent());
        return reader;
    }

    /// <summary>Names the process that opened the ledger last, if that can be read.</summary>
    internal static string Owner(SqliteLedgerOptions options)
    {
        try
        {
            using var database = SqliteDatabase.Open(options.Path, SqliteAccess.Read, options.BusyTimeout);
            var processId = database.Number("SELECT process_id FROM owner");
            return processId > 0 ? $"process {processId}" : "another process";
        }
        catch (LedgerUnavailableException)
        {
            return "another process";
        }
    }

    /// <inheritdoc cref="ISyncLedger.FindAsync"/>
    public ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(database =>
        {
            using var find = database.Prepare(RecordRow.Select + " WHERE content_id = ?1");
            find.Bind(1, contentId);
            return find.Step() ? RecordRow.Read(find) : null;
        }));
    }

    /// <inheritdoc cref="ISyncLedger.HorizonAsync"/>
    public ValueTask<DateTimeOffset?> HorizonAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(database =>
        {
            // A file that this version has not opened for writing yet has no such table.
            if (database.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'horizon'") == 0) return (DateTimeOffset?)null;
            var ticks = database.Number("SELECT ifnull(max(at), 0) FROM horizon");
            return ticks == 0 ? null : new DateTimeOffset(ticks, TimeSpan.Zero);
        }));
    }

    /// <inheritdoc cref="ISyncLedger.ListAsync"/>
    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Only pending items are due.
        if (filter.DueBy is not null && (filter.State ?? SyncState.Pending) != SyncState.Pending) yield break;
        var sql = PageQuery(filter);
        var after = long.MinValue;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = Read(database => Page(database, sql, filter, after));
            foreach (var (_, record) in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (filter.Matches(ListedItem.Of(record))) yield return record;
            }

            if (page.Count < PageSize) yield break;
            after = page[^1].Id;
            await Task.Yield();
        }
    }

    /// <inheritdoc cref="ISyncLedger.ListItemsAsync"/>
    public async IAsyncEnumerable<ListedItem> ListItemsAsync(
        SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var query in ItemQuery.Of(filter))
        {
            var after = long.MinValue;
            var sql = query.Sql + " AND record.id > ?1 ORDER BY record.id LIMIT ?2";
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var page = Read(database =>
                {
                    using var select = database.Prepare(sql);
                    select.Bind(1, after);
                    select.Bind(2, PageSize);
                    ItemQuery.Bind(select, filter);
                    return Items(select);
                });
                foreach (var (_, item) in page)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    yield return item;
                }

                if (page.Count < PageSize) break;
                after = page[^1].Id;
                await Task.Yield();
            }
        }
    }

    /// <inheritdoc cref="ISyncLedger.PageAsync"/>
    public ValueTask<ItemPage> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(database =>
        {
            var items = new List<ListedItem>();
            var isDense = database.Number("SELECT sum(count) FROM tally WHERE state <> 1") > Dense;
            foreach (var query in ItemQuery.Of(filter, isDense))
            {
                using var select = database.Prepare(query.Sql + " AND content_id > ?1 ORDER BY content_id LIMIT ?2");
                select.Bind(1, after ?? "");
                select.Bind(2, size + 1);
                ItemQuery.Bind(select, filter);
                items.AddRange(Items(select).Select(row => row.Item));
            }

            var page = items.OrderBy(item => item.ContentId, StringComparer.Ordinal).Take(size).ToArray();
            return new ItemPage(page, items.Count > size ? page[^1].ContentId : null);
        }));
    }

    /// <inheritdoc cref="ISyncLedger.CountAsync"/>
    public async ValueTask<LedgerCounts> CountAsync(CancellationToken cancellationToken)
    {
        var counts = new LedgerCounts { Stale = await CountStaleAsync(cancellationToken).ConfigureAwait(false) };
        foreach (var (state, reason, count) in await CountByStateAsync(cancellationToken).ConfigureAwait(false))
        {
            counts.States[state] = counts.States.GetValueOrDefault(state) + count;
            if (reason is { } parked) counts.ParkReasons[parked] = counts.ParkReasons.GetValueOrDefault(parked) + count;
        }

        return Read(database =>
        {
            using var statuses = database.Prepare(
                "SELECT template_status, count(*) FROM record WHERE template_status IS NOT NULL GROUP BY template_status");
            while (statuses.Step()) { counts.TemplateStatuses[statuses.Text(0)!] = statuses.Int64(1); }
            using var types = database.Prepare("SELECT content_type, count FROM type_tally WHERE count > 0");
            while (types.Step()) { counts.Types[types.Text(0)!] = types.Int64(1); }
            return counts;
        });
    }

    /// <summary>
    /// Returns the number of records in each state, parked ones by reason; leaves out states without records. Every write updates the
    /// counts, so this reads no records.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The file cannot be read.</exception>
    public ValueTask<IReadOnlyList<StateCount>> CountByStateAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IReadOnlyList<StateCount>>(Read(database =>
        {
            using var tally = database.Prepare("SELECT state, park_reason, count FROM tally WHERE count > 0 ORDER BY state, park_reason");
            var counts = new List<StateCount>();
            while (tally.Step())
            {
                ParkReason? reason = tally.Int32(1) == 0 ? null : (ParkReason)tally.Int32(1);
                counts.Add(new StateCount((SyncState)tally.Int32(0), reason, tally.Int64(2)));
            }

            return counts;
        }));
    }

    /// <summary>Returns the number of stale records; an index contains only them.</summary>
    /// <exception cref="LedgerUnavailableException">The file cannot be read.</exception>
    public ValueTask<long> CountStaleAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(database => database.Number($"SELECT count(*) FROM record INDEXED BY stale WHERE {RecordRow.IsStale}")));
    }

    public ValueTask DisposeAsync()
    {
        _disposed = true;
        while (_idle.TryTake(out var database)) { database.Dispose(); }
        return ValueTask.CompletedTask;
    }

    private static string PageQuery(SyncRecordFilter filter)
    {
        var state = filter.DueBy is null ? filter.State : SyncState.Pending;
        var isUnsynchronized = state is not null and not SyncState.Synchronized;
        var sql = new StringBuilder(filter.IsStale ? RecordRow.SelectStale : isUnsynchronized ? RecordRow.SelectUnsynchronized : RecordRow.Select);
        sql.Append(" WHERE record.id > ?1");
        if (filter.IsStale) sql.Append(" AND ").Append(RecordRow.IsStale);
        if (isUnsynchronized) sql.Append(" AND state <> 1");
        if (state is { } only) sql.Append(" AND state = ").Append((int)only);
        if (filter.DueBy is not null) sql.Append(" AND due_at <= ?2");
        if (filter.ContentType is not null) sql.Append(" AND content_type = ?3");
        if (filter.ResultCode is not null) sql.Append(" AND attempt_code = ?4");
        return sql.Append(" ORDER BY record.id LIMIT ?5").ToString();
    }

    private static List<(long Id, SyncRecord Record)> Page(SqliteDatabase database, string sql, SyncRecordFilter filter, long after)
    {
        using var select = database.Prepare(sql);
        select.Bind(1, after);
        if (filter.DueBy is { } dueBy) select.Bind(2, dueBy.UtcTicks);
        if (filter.ContentType is { } type) select.Bind(3, type);
        if (filter.ResultCode is { } code) select.Bind(4, code);
        select.Bind(5, PageSize);
        var page = new List<(long Id, SyncRecord Record)>();
        while (select.Step()) { page.Add((select.Int64(Column.Id), RecordRow.Read(select))); }
        return page;
    }

    private static List<(long Id, ListedItem Item)> Items(SqliteStatement select)
    {
        var items = new List<(long Id, ListedItem Item)>();
        while (select.Step()) { items.Add((select.Int64(Column.Id), RecordRow.ReadItem(select))); }
        return items;
    }

    private T Read<T>(Func<SqliteDatabase, T> read)
    {
        var database = Rent();
        try
        {
            return read(database);
        }
        finally
        {
            Return(database);
        }
    }

    private SqliteDatabase Rent()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_idle.TryTake(out var idle)) return idle;
        var database = SqliteDatabase.Open(_options.Path, SqliteAccess.Read, _options.BusyTimeout, _options.FileLayer);
        try
        {
            LedgerSchema.Check(database);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private void Return(SqliteDatabase database)
    {
        if (_idle.Count < MaxIdle) { _idle.Add(database); }
        else { database.Dispose(); }
        if (_disposed && _idle.TryTake(out var late)) late.Dispose();
    }
}

/// <summary>Number of records in a state and, for <see cref="SyncState.Parked"/>, with a reason.</summary>
public sealed record StateCount(SyncState State, ParkReason? ParkReason, long Count);
