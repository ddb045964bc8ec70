using System.Globalization;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The writer's view of the records. For the writer's thread only, but for <see cref="TryLease"/>; every call but the first is
/// inside a transaction.
/// </summary>
internal sealed class RecordTable : IDisposable
{
    private const int ParkReasons = 4;
    private const int MostRecent = 2048;
    private const string WaitForDisk = "PRAGMA synchronous = FULL";
    private const string LeaveToSystem = "PRAGMA synchronous = NORMAL";

    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _begin;
    private readonly SqliteStatement _commit;
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _insert;
    private readonly SqliteStatement _insertBody;
    private readonly SqliteStatement _update;
    private readonly SqliteStatement _updateInPlace;
    private readonly SqliteStatement _updateBody;
    private readonly SqliteStatement _count;
    private readonly LedgerDurability _durability;

    // Pending rows written last, as the open transaction sees them, so that the steps of one delivery need not read its row
    // again. True to the file because nobody else writes it; emptied when a transaction fails. Two generations bound it.
    private Dictionary<string, Row> _recent = new(StringComparer.Ordinal);
    private Dictionary<string, Row> _older = new(StringComparer.Ordinal);
    // Contents that the open transaction has written: what the cache says of them may still be taken back.
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private readonly long[] _tally = new long[3 * ParkReasons];
    private bool? _waits;

    public RecordTable(SqliteDatabase database, LedgerDurability durability, TimeProvider time)
    {
        Leases = new LeaseBook(time);
        _database = database;
        _durability = durability;
        _begin = database.Prepare("BEGIN IMMEDIATE");
        _commit = database.Prepare("COMMIT");
        _find = database.Prepare(RecordRow.Select + " WHERE content_id = ?1");
        _insert = database.Prepare(RecordRow.Insert);
        _insertBody = database.Prepare("INSERT INTO body (id, body) VALUES (?1, ?2)");
        _update = database.Prepare(RecordRow.Update);
        _updateInPlace = database.Prepare(RecordRow.UpdateInPlace);
        _updateBody = database.Prepare("UPDATE body SET body = ?2 WHERE id = ?1");
        _count = database.Prepare("INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count");
    }

    /// <summary>Held from reading a record to writing its next state, so that no lease is granted in between.</summary>
    public Lock Rows { get; } = new();

    /// <summary>The leases in force.</summary>
    public LeaseBook Leases { get; }

    /// <summary>Whether the open transaction's commit waits for the disk, as SQLite itself says.</summary>
    public bool WaitsForDisk => _database.Number("PRAGMA synchronous") >= 2;

    /// <summary>Opens the file for writing, made and brought to a known state if need be.</summary>
    /// <param name="options">Which file, and how durable.</param>
    /// <param name="time">Clock of the leases.</param>
    /// <param name="epoch">Counts the owners the file has had, this one included.</param>
    /// <exception cref="LedgerUnavailableException">It cannot be opened.</exception>
    public static RecordTable Open(SqliteLedgerOptions options, TimeProvider time, out long epoch)
    {
        var database = SqliteDatabase.Open(options.Path, SqliteAccess.Write, options.BusyTimeout);
        try
        {
            database.Execute(options.Durability == LedgerDurability.PowerLoss ? WaitForDisk : LeaveToSystem);
            database.Execute($"PRAGMA wal_autocheckpoint = {options.CheckpointPages}");
            database.Execute("PRAGMA cache_size = -65536");
            if (options.MaxPages is { } most) database.Execute($"PRAGMA max_page_count = {most}");
            LedgerSchema.Ensure(database);
            database.Execute("PRAGMA journal_mode = WAL");
            database.Execute("BEGIN IMMEDIATE");
            database.Execute($"UPDATE owner SET epoch = epoch + 1, process_id = {Environment.ProcessId}");
            database.Execute("COMMIT");
            epoch = database.Number("SELECT epoch FROM owner");
            return new RecordTable(database, options.Durability, time);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Begins a transaction; what a failed one left open is undone first.</summary>
    /// <param name="mustSurvivePowerLoss">
    /// Whether a power cut may take it back. It must not take back what was accepted. It may take back an attempt's ending,
    /// which only sends the same request once more; so nobody waits for the disk for that.
    /// </param>
    public void Begin(bool mustSurvivePowerLoss)
    {
        _database.Rollback();
        mustSurvivePowerLoss &= _durability == LedgerDurability.PowerLoss;
        if (_waits != mustSurvivePowerLoss)
        {
            // Not kept prepared: SQLite carries this out as it prepares it, so running it again would change nothing.
            _database.Execute(mustSurvivePowerLoss ? WaitForDisk : LeaveToSystem);
            _waits = mustSurvivePowerLoss;
        }

        _begin.Step();
    }

    public void Commit()
    {
        for (var slot = 0; slot < _tally.Length; slot++)
        {
            if (_tally[slot] == 0) continue;
            _count.Bind(1, slot / ParkReasons);
            _count.Bind(2, slot % ParkReasons);
            _count.Bind(3, _tally[slot]);
            _count.Step();
        }

        _commit.Step();
        Array.Clear(_tally);
        Leases.Commit();
        lock (Rows) _open.Clear();
    }

    /// <summary>Forgets what is known of a transaction that failed.</summary>
    public void Rollback()
    {
        lock (Rows)
        {
            _recent.Clear();
            _older.Clear();
            _open.Clear();
            Leases.Rollback();
        }

        Array.Clear(_tally);
    }

    public Row? Find(string contentId)
    {
        if (_recent.TryGetValue(contentId, out var known) || _older.TryGetValue(contentId, out known)) return known;
        _find.Bind(1, contentId);
        try
        {
            return _find.Step() ? new Row(_find.Int64(0), Leases.Complete(RecordRow.Read(_find))) : null;
        }
        finally
        {
            _find.Reset();
        }
    }

    /// <summary>Writes a content's first record, and gives it its ETag.</summary>
    public Row Insert(SyncRecord record)
    {
        record.ETag = "1";
        RecordRow.Bind(_insert, record);
        _insert.Bind(23, (long)record.State);
        _insert.Bind(24, record.DueAt.UtcTicks);
        _insert.Bind(25, record.ContentId);
        _insert.Step();
        var id = _database.LastInsertedId;
        _insertBody.Bind(1, id);
        _insertBody.Bind(2, record.Body.Span);
        _insertBody.Step();
        _tally[Slot(record)]++;
        var row = new Row(id, record);
        _open.Add(record.ContentId);
        Remember(row);
        return row;
    }

    /// <summary>Writes a record's next state, and gives it its ETag.</summary>
    public SyncRecord Update(Row current, SyncRecord record)
    {
        var version = long.Parse(current.Record.ETag, CultureInfo.InvariantCulture) + 1;
        record.ETag = version.ToString(CultureInfo.InvariantCulture);
        if (record.State == current.Record.State && record.DueAt == current.Record.DueAt)
        {
            RecordRow.Bind(_updateInPlace, record);
            _updateInPlace.Bind(23, current.Id);
            _updateInPlace.Step();
        }
        else
        {
            RecordRow.Bind(_update, record);
            _update.Bind(23, (long)record.State);
            _update.Bind(24, record.DueAt.UtcTicks);
            _update.Bind(25, current.Id);
            _update.Step();
        }

        if (record.RequestId != current.Record.RequestId)
        {
            _updateBody.Bind(1, current.Id);
            _updateBody.Bind(2, record.Body.Span);
            _updateBody.Step();
        }

        _tally[Slot(current.Record)]--;
        _tally[Slot(record)]++;
        Leases.Keep(record);
        _open.Add(record.ContentId);
        Remember(current with { Record = record });
        return record;
    }

    /// <summary>
    /// Grants a lease, in memory. What must outlive the process is that AlipayHK may hold either content from now on: that is
    /// written where it was known which one it holds.
    /// </summary>
    public SyncRecord Lease(Row current, SyncRecord leased)
    {
        if (current.Record.SynchronizedHash is not null) Update(current, current.Record with { SynchronizedHash = null });
        Leases.Keep(leased);
        Remember(current with { Record = leased });
        return leased;
    }

    /// <summary>
    /// Grants or refuses a lease on any thread, without the writer: for a content whose committed record is at hand and whose
    /// lease needs nothing written. False where the writer has to be asked.
    /// </summary>
    public bool TryLease(string contentId, string leaseId, DateTimeOffset now, TimeSpan duration, out LeaseResult answer)
    {
        answer = default;
        if (!Rows.TryEnter()) return false;
        try
        {
            if (_open.Contains(contentId) || !(_recent.TryGetValue(contentId, out var row) || _older.TryGetValue(contentId, out row))) return false;
            if (row.Record.SynchronizedHash is not null) return false;
            var (next, status) = SyncTransitions.Lease(row.Record, leaseId, now, duration);
            answer = new LeaseResult(status, next ?? row.Record);
            if (next is null) return true;
            Leases.Grant(next);
            Remember(row with { Record = next });
            return true;
        }
        finally
        {
            Rows.Exit();
        }
    }

    public void Dispose()
    {
        SqliteStatement[] statements = [_begin, _commit, _find, _insert, _insertBody, _update, _updateInPlace, _updateBody, _count];
        foreach (var statement in statements) { statement.Dispose(); }
        _database.Dispose();
    }

    private void Remember(Row row)
    {
        var contentId = row.Record.ContentId;
        if (row.Record.State != SyncState.Pending)
        {
            _recent.Remove(contentId);
            _older.Remove(contentId);
            return;
        }

        if (_recent.Count >= MostRecent)
        {
            (_recent, _older) = (_older, _recent);
            _recent.Clear();
        }

        _recent[contentId] = row;
    }

    private static int Slot(SyncRecord record) => ((int)record.State * ParkReasons) + (int)(record.ParkReason ?? 0);

    /// <param name="Id">Where it lies.</param>
    /// <param name="Record">What it says.</param>
    public readonly record struct Row(long Id, SyncRecord Record);
}
