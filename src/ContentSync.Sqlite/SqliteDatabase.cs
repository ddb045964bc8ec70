using ContentSync.Ledger;
using SQLitePCL;

namespace ContentSync.Sqlite;

/// <summary>One connection. Use it on one thread at a time.</summary>
internal sealed class SqliteDatabase : IDisposable
{
    private readonly sqlite3 _handle;

    private SqliteDatabase(sqlite3 handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    public string Path { get; }

    /// <exception cref="LedgerUnavailableException">The file cannot be opened.</exception>
    public static SqliteDatabase Open(string path, SqliteAccess access, TimeSpan busyTimeout, string? fileLayer = null)
    {
        Batteries_V2.Init();
        var mode = access == SqliteAccess.Read ? raw.SQLITE_OPEN_READONLY : raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE;
        // No mutex: a connection serves one thread at a time, and locking would be a third of SQLite's cost.
        var flags = raw.SQLITE_OPEN_NOMUTEX | raw.SQLITE_OPEN_PRIVATECACHE | mode;
        var code = raw.sqlite3_open_v2(path, out var handle, flags, fileLayer);
        if (code != raw.SQLITE_OK)
        {
            handle.Dispose();
            throw SqliteFault.Of(path, code, raw.sqlite3_errstr(code).utf8_to_string());
        }

        raw.sqlite3_busy_timeout(handle, (int)busyTimeout.TotalMilliseconds);
        return new SqliteDatabase(handle, path);
    }

    /// <summary>Prepares a reusable statement. Dispose it before the database.</summary>
    public SqliteStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out var statement));
        return new SqliteStatement(this, statement);
    }

    /// <summary>Runs one statement and ignores any rows.</summary>
    public void Execute(string sql)
    {
        using var statement = Prepare(sql);
        while (statement.Step()) { }
    }

    /// <summary>Returns the first column of the first row, or 0 if there is none.</summary>
    public long Number(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Int64(0) : 0;
    }

    /// <summary>
    /// Id of the row that this connection inserted last. RETURNING is no alternative: it collects its rows in a temporary table, which
    /// costs more than the insert.
    /// </summary>
    public long LastInsertedId => raw.sqlite3_last_insert_rowid(_handle);

    /// <summary>Rolls back the open transaction unless SQLite has already done so.</summary>
    public void Rollback()
    {
        if (raw.sqlite3_get_autocommit(_handle) == 0) Execute("ROLLBACK");
    }

    public void Check(int code)
    {
        if (code is raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE) return;
        throw SqliteFault.Of(Path, raw.sqlite3_extended_errcode(_handle), raw.sqlite3_errmsg(_handle).utf8_to_string());
    }

    public void Dispose() => _handle.Dispose();
}

/// <summary>Access mode of a connection.</summary>
internal enum SqliteAccess
{
    Read,

    /// <summary>Read and write; create the file if it does not exist.</summary>
    Write,
}
