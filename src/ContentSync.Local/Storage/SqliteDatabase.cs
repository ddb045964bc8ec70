using ContentSync.Ledger;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ContentSync.Local.Storage;

/// <summary>One connection. For one thread at a time.</summary>
internal sealed class SqliteDatabase : IDisposable
{
    private readonly SqliteConnection _connection;

    private SqliteDatabase(SqliteConnection connection, string path)
    {
        _connection = connection;
        Path = path;
    }

    public string Path { get; }

    private sqlite3 Handle => _connection.Handle!;

    /// <exception cref="LedgerUnavailableException">It cannot be opened.</exception>
    public static SqliteDatabase Open(string path, SqliteOpenMode mode, TimeSpan busyTimeout)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false }.ToString());
        try
        {
            connection.Open();
            var database = new SqliteDatabase(connection, path);
            raw.sqlite3_busy_timeout(database.Handle, (int)busyTimeout.TotalMilliseconds);
            return database;
        }
        catch (SqliteException fault)
        {
            connection.Dispose();
            throw SqliteFault.Of(path, fault.SqliteExtendedErrorCode, fault.Message);
        }
    }

    /// <summary>Prepares a statement to be kept. Dispose it before the database.</summary>
    public SqliteStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(Handle, sql, out var statement));
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

    /// <summary>Undoes the open transaction, if SQLite has not done so by itself.</summary>
    public void Rollback()
    {
        if (raw.sqlite3_get_autocommit(Handle) == 0) Execute("ROLLBACK");
    }

    public void Check(int code)
    {
        if (code is raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE) return;
        throw SqliteFault.Of(Path, raw.sqlite3_extended_errcode(Handle), raw.sqlite3_errmsg(Handle).utf8_to_string());
    }

    public void Dispose() => _connection.Dispose();
}
