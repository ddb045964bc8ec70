using ContentSync.Ledger;
using SQLitePCL;

namespace ContentSync.Sqlite;

/// <summary>One connection. For one thread at a time.</summary>
internal sealed class SqliteDatabase : IDisposable
{
    private readonly sqlite3 _handle;

    private SqliteDatabase(sqlite3 handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    public string Path { get; }

    /// <exception cref="LedgerUnavailableException">It cannot be opened.</exception>
    public static SqliteDatabase Open(string path, SqliteAccess access, TimeSpan busyTimeout)
    {
        Batteries_V2.Init();
        // No mutex: each connection serves one thread at a time, and the locks would be a third of SQLite's cost.
        var flags = raw.SQLITE_OPEN_NOMUTEX | raw.SQLITE_OPEN_PRIVATECACHE | (access == SqliteAccess.Read ? raw.SQLITE_OPEN_READONLY : raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
        var code = raw.sqlite3_open_v2(path, out var handle, flags, null);
        if (code != raw.SQLITE_OK)
        {
            handle.Dispose();
            throw SqliteFault.Of(path, code, raw.sqlite3_errstr(code).utf8_to_string());
        }

        raw.sqlite3_busy_timeout(handle, (int)busyTimeout.TotalMilliseconds);
        return new SqliteDatabase(handle, path);
    }

    /// <summary>Prepares a statement to be kept. Dispose it before the database.</summary>
    public SqliteStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out var statement));
        return new SqliteStatement(this, statement);
    }

    /// <summary>Runs one statement without rows, or reads past them.</summary>
    public void Execute(string sql)
    {
        using var statement = Prepare(sql);
        while (statement.Step()) { }
    }

    /// <summary>The first column of the first row, or 0.</summary>
    public long Number(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Int64(0) : 0;
    }

    /// <summary>
    /// The id of the row that this connection inserted last. Not RETURNING: that collects its rows in a temporary table, which
    /// costs more than the row.
    /// </summary>
    public long LastInsertedId => raw.sqlite3_last_insert_rowid(_handle);

    /// <summary>Undoes the open transaction, if SQLite has not done so by itself.</summary>
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

/// <summary>What a connection may do.</summary>
internal enum SqliteAccess
{
    Read,

    /// <summary>Write too, and make the file where there is none.</summary>
    Write,
}
