using System.Globalization;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The records as the writer thread sees and changes them. Only <see cref="TryLease"/> may be called on other threads. Reads and
/// writes require an open transaction.
/// </summary>
internal sealed class RecordTable : IDisposable
{
    private const int States = 4;
    private const int ParkReasons = 4;
    private const int MaxRecent = 2048;
    private const string WaitForDisk = "PRAGMA synchronous = FULL";
    private const string DoNotWaitForDisk = "PRAGMA synchronous = NORMAL";

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
    private readonly SqliteStatement _countType;
    private readonly SqliteStatement _delete;
    private readonly SqliteStatement _deleteBody;
    private readonly LedgerDurability _durability;

    // Recently written pending rows as the open transaction sees them, so that the next step of an item need not read its row again.
    // They match the file, because only this process writes it, and are dropped when a transaction fails. Two generations of at most
    // MaxRecent rows bound the cache.
    private Dictionary<string, Row> _recent = new(StringComparer.Ordinal);
    private Dictionary<string, Row> _older = new(StringComparer.Ordinal);
    // Items that the open transaction has written; a rollback may still undo their cached rows.
    private readonly HashSet<string> _uncommitted = new(StringComparer.Ordinal);
    private readonly long[] _tally = new long[States * ParkReasons];
    private readonly Dictionary<string, long> _typeTally = new(StringComparer.Ordinal);
    private DateTimeOffset? _committedHorizon;
    private bool? _waitsForDisk;
    private bool _hasWriteFailed;
    private bool _closed;

    private RecordTable(SqliteDatabase database, LedgerDurability durability, LeaseBook leases, RecentCount synchronized)
    {
        Leases = leases;
        Synchronized = synchronized;
        _database = database;
        _durability = durability;
        _begin = database.Prepare("BEGIN IMMEDIATE");
        _commit = database.Prepare("COMMIT");
        _find = database.Prepare(RecordRow.Select + " WHERE content_id = ?1");
        _insert = database.Prepare(RecordRow.Insert);
        _insertBody = database.Prepare("INSERT INTO body (id, body, sent_bodies) VALUES (?1, ?2, ?3)");
        _update = database.Prepare(RecordRow.Update);
        _updateInPlace = database.Prepare(RecordRow.UpdateInPlace);
        _updateBody = database.Prepare("UPDATE body SET body = ?2, sent_bodies = ?3 WHERE id = ?1");
        _delete = database.Prepare("DELETE FROM record WHERE id = ?1");
        _deleteBody = database.Prepare("DELETE FROM body WHERE id = ?1");
        var horizon = database.Number("SELECT ifnull(max(at), 0) FROM horizon");
        Horizon = _committedHorizon = horizon == 0 ? null : new DateTimeOffset(horizon, TimeSpan.Zero);
        _count = database.Prepare("INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count");
        _countType = database.Prepare("INSERT INTO type_tally VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + excluded.count");
    }

    /// <summary>Hold this lock from reading a record to writing its next state, so that no lease is granted in between.</summary>
    public Lock Rows { get; } = new();

    /// <summary>The current leases.</summary>
    public LeaseBook Leases { get; }

    /// <summary>The horizon; see <see cref="RetentionRules"/>.</summary>
    public DateTimeOffset? Horizon { get; private set; }

    /// <summary>Items that AlipayHK acknowledged in the last minute.</summary>
    public RecentCount Synchronized { get; }

    /// <summary>Whether the commit of the open transaction waits for the disk, as SQLite reports it.</summary>
    public bool WaitsForDisk => _database.Number("PRAGMA synchronous") >= 2;

    /// <summary>Opens the file for writing; creates it if it does not exist.</summary>
    /// <param name="options">Path and durability of the file.</param>
    /// <param name="time">Clock of the leases.</param>
    /// <param name="epoch">Number of owners that the file has had, including this one.</param>
    /// <exception cref="LedgerUnavailableException">The file cannot be opened.</exception>
    public static RecordTable Open(SqliteLedgerOptions options, TimeProvider time, out long epoch)
    {
        var database = SqliteDatabase.Open(options.Path, SqliteAccess.Write, options.BusyTimeout, options.FileLayer);
        try
        {
            database.Execute(options.Durability == LedgerDurability.PowerLoss ? WaitForDisk : DoNotWaitForDisk);
            database.Execute($"PRAGMA wal_autocheckpoint = {options.CheckpointPages}");
            database.Execute("PRAGMA cache_size = -65536");
            if (options.MaxPages is { } maxPages) database.Execute($"PRAGMA max_page_count = {maxPages}");
            LedgerSchema.Ensure(database);
            database.Execute("PRAGMA journal_mode = WAL");
            var leases = new LeaseBook(time, Inherited(database, time.GetUtcNow() + options.LateEffectWindow));
            database.Execute("BEGIN IMMEDIATE");
            database.Execute($"UPDATE owner SET epoch = epoch + 1, process_id = {Environment.ProcessId}");
            ReleaseFrozen(database, time.GetUtcNow());
            database.Execute("COMMIT");
            epoch = database.Number("SELECT epoch FROM owner");
            return new RecordTable(database, options.Durability, leases, new RecentCount(time));
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    // The last owner's clock was ahead, so it accepted or attempted these items in the future; their due times would keep them until then.
    private static void ReleaseFrozen(SqliteDatabase database, DateTimeOffset now)
    {
        var limit = (now + VersionOrder.MaxAhead).UtcTicks;
        database.Execute(
            $"UPDATE record SET accepted_at = min(accepted_at, {now.UtcTicks}), due_at = {now.UtcTicks} "
            + $"WHERE state = {(int)SyncState.Pending} AND state <> 1 AND (accepted_at > {limit} OR attempt_at > {limit})");
    }

    /// <summary>
    /// Begins a transaction; first rolls back what a failed one left open. After a failure every transaction writes something until one
    /// succeeds: a lease alone needs no write, but must not be granted while the outcome of the attempt cannot be recorded.
    /// </summary>
    /// <param name="mustSurvivePowerLoss">Whether the commit waits for the disk; see <see cref="LedgerDurability.PowerLoss"/>.</param>
    public void Begin(bool mustSurvivePowerLoss)
    {
        _database.Rollback();
        mustSurvivePowerLoss &= _durability == LedgerDurability.PowerLoss;
        if (_waitsForDisk != mustSurvivePowerLoss)
        {
            // Not a prepared statement: SQLite executes this pragma while preparing it, so running it again would have no effect.
            _database.Execute(mustSurvivePowerLoss ? WaitForDisk : DoNotWaitForDisk);
            _waitsForDisk = mustSurvivePowerLoss;
        }

        _begin.Step();
        if (_hasWriteFailed) RewriteOwner();
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

        foreach (var (type, change) in _typeTally)
        {
            _countType.Bind(1, type);
            _countType.Bind(2, change);
            _countType.Step();
        }

        _commit.Step();
        _committedHorizon = Horizon;
        Array.Clear(_tally);
        _typeTally.Clear();
        Leases.Commit();
        lock (Rows)
        {
            _uncommitted.Clear();
            _hasWriteFailed = false;
        }
    }

    /// <summary>Drops the in-memory state of a failed transaction.</summary>
    public void Rollback()
    {
        lock (Rows)
        {
            _recent.Clear();
            _older.Clear();
            _uncommitted.Clear();
            _hasWriteFailed = true;
            Leases.Rollback();
        }

        Array.Clear(_tally);
        _typeTally.Clear();
        Horizon = _committedHorizon;
    }

    /// <summary>Raises the horizon, if it is earlier.</summary>
    public void RaiseHorizon(DateTimeOffset horizon)
    {
        if (Horizon >= horizon) return;
        _database.Execute("DELETE FROM horizon");
        _database.Execute($"INSERT INTO horizon VALUES ({horizon.UtcTicks})");
        Horizon = horizon;
    }

    /// <summary>Deletes the record of an item that is not pending.</summary>
    public void Delete(Row row)
    {
        foreach (var statement in (SqliteStatement[])[_delete, _deleteBody])
        {
            statement.Bind(1, row.Id);
            statement.Step();
        }

        _tally[Slot(row.Record)]--;
        CountType(row.Record.ContentType, -1);
        _uncommitted.Add(row.Record.ContentId);
    }

    public Row? Find(string contentId)
    {
        if (_recent.TryGetValue(contentId, out var recent) || _older.TryGetValue(contentId, out recent)) return recent;
        _find.Bind(1, contentId);
        try
        {
            return _find.Step() ? Read() : null;
        }
        finally
        {
            _find.Reset();
        }
    }

    /// <summary>Inserts the first record of an item and sets its ETag.</summary>
    public Row Insert(SyncRecord record)
    {
        record.ETag = "1";
        RecordRow.BindInsert(_insert, record);
        _insert.Step();
        var id = _database.LastInsertedId;
        WriteBody(_insertBody, id, record);
        _tally[Slot(record)]++;
        CountType(record.ContentType, 1);
        var row = new Row(id, record);
        _uncommitted.Add(record.ContentId);
        Remember(row);
        return row;
    }

    /// <summary>Writes the next state of a record and sets its ETag.</summary>
    public SyncRecord Update(Row current, SyncRecord record)
    {
        var version = long.Parse(current.Record.ETag, CultureInfo.InvariantCulture) + 1;
        record.ETag = version.ToString(CultureInfo.InvariantCulture);
        if (record.State == current.Record.State && record.DueAt == current.Record.DueAt && record.Refused == current.Record.Refused
            && record.TemplateStatus == current.Record.TemplateStatus)
        {
            RecordRow.BindUpdateInPlace(_updateInPlace, current.Id, record);
            _updateInPlace.Step();
        }
        else
        {
            RecordRow.BindUpdate(_update, current.Id, record);
            _update.Step();
        }

        var isBodySame = record.RequestId == current.Record.RequestId
            && record.EarlierSent.StoredBodies.Equals(current.Record.EarlierSent.StoredBodies);
        if (!isBodySame) WriteBody(_updateBody, current.Id, record);

        if (record.SynchronizedAt != current.Record.SynchronizedAt) Synchronized.Add();
        _tally[Slot(current.Record)]--;
        _tally[Slot(record)]++;
        if (record.ContentType != current.Record.ContentType)
        {
            CountType(current.Record.ContentType, -1);
            CountType(record.ContentType, 1);
        }

        Leases.Set(record);
        _uncommitted.Add(record.ContentId);
        Remember(current with { Record = record });
        return record;
    }

    /// <summary>
    /// Whether a lease of the item may have to clear what AlipayHK is known to hold. The committed record decides: an operation of the same
    /// transaction may set the hash before, but then the commit contains both, and the file never holds the hash in between.
    /// </summary>
    public bool MayClearSynchronizedHash(string contentId)
    {
        lock (Rows)
        {
            var isCached = _recent.TryGetValue(contentId, out var row) || _older.TryGetValue(contentId, out row);
            return !isCached || row.Record.SynchronizedHash is not null;
        }
    }

    /// <summary>
    /// Grants a lease in memory. One thing must be on disk before the request leaves: from now on AlipayHK may hold the old version or the
    /// new one, so the hash that AlipayHK is known to hold is cleared in the file.
    /// </summary>
    public SyncRecord Lease(Row current, SyncRecord leased)
    {
        if (current.Record.SynchronizedHash is not null) Update(current, current.Record with { SynchronizedHash = null });
        Leases.Set(leased);
        Remember(current with { Record = leased });
        return leased;
    }

    /// <summary>
    /// Grants or refuses a lease on any thread, without the writer. This requires that the committed record is cached, that the lease
    /// needs no write, and that the last write succeeded; otherwise it returns false, and the writer must decide.
    /// </summary>
    public bool TryLease(string contentId, string leaseId, DateTimeOffset now, TimeSpan duration, out LeaseResult result)
    {
        result = default;
        if (!Rows.TryEnter()) return false;
        try
        {
            if (_closed || _hasWriteFailed || _uncommitted.Contains(contentId)) return false;
            if (!_recent.TryGetValue(contentId, out var row) && !_older.TryGetValue(contentId, out row)) return false;
            if (row.Record.SynchronizedHash is not null) return false;
            var (next, status) = SyncTransitions.Lease(row.Record, leaseId, now, duration);
            result = new LeaseResult(status, next ?? row.Record);
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

    /// <summary>Writes the row of the owner again, unchanged. An UPDATE would write nothing.</summary>
    public void RewriteOwner()
    {
        var epoch = _database.Number("SELECT epoch FROM owner");
        _database.Execute("DELETE FROM owner");
        _database.Execute($"INSERT INTO owner VALUES ({epoch}, {Environment.ProcessId})");
    }

    /// <summary>
    /// Grants no more leases. Tells the next owner that it need not wait for late effects, unless a request may still take effect.
    /// </summary>
    public void Close()
    {
        lock (Rows) _closed = true;
        if (Leases.MayTakeEffectLater) return;
        try
        {
            Begin(mustSurvivePowerLoss: false);
            _database.Execute("UPDATE owner SET process_id = 0");
            Commit();
        }
        catch (LedgerUnavailableException)
        {
            // The next owner waits, which is safe.
        }
    }

    public void Dispose()
    {
        SqliteStatement[] statements =
        [
            _begin, _commit, _find, _insert, _insertBody, _update, _updateInPlace, _updateBody, _count, _countType, _delete, _deleteBody,
        ];
        foreach (var statement in statements) { statement.Dispose(); }
        _database.Dispose();
    }

    private void CountType(string type, int change) =>
        System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_typeTally, type, out _) += change;

    private static void WriteBody(SqliteStatement write, long id, SyncRecord record)
    {
        write.Bind(1, id);
        write.Bind(2, record.Body.Span);
        if (record.EarlierSent.StoredBodies is { IsEmpty: false } bodies) write.Bind(3, bodies.Span);
        else write.BindNull(3);
        write.Step();
    }

    private static InheritedWindow Inherited(SqliteDatabase database, DateTimeOffset endsAt) =>
        database.Number("SELECT process_id FROM owner") == 0 ? default : new(database.Number("SELECT max(id) FROM record"), endsAt);

    private Row Read()
    {
        var id = _find.Int64(Column.Id);
        return new Row(id, Leases.Complete(id, RecordRow.Read(_find)));
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

        if (_recent.Count >= MaxRecent)
        {
            (_recent, _older) = (_older, _recent);
            _recent.Clear();
        }

        _recent[contentId] = row;
    }

    private static int Slot(SyncRecord record) => ((int)record.State * ParkReasons) + (int)(record.ParkReason ?? 0);

    /// <summary>A record with the id of its row.</summary>
    public readonly record struct Row(long Id, SyncRecord Record);
}
