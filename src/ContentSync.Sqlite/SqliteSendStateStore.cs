using ContentSync.Budget;
using ContentSync.Diagnostics;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The shared document in a SQLite file of its own, so that a command can pause a host whose ledger it may not write. The machine's clock is
/// the store's. Thread-safe.
/// </summary>
/// <param name="path">The file; created with the first write.</param>
/// <param name="time">The machine's clock.</param>
public sealed class SqliteSendStateStore(string path, TimeProvider time) : ISendStateStore
{
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Name of SQLite's file layer (VFS); null for the default. Lets a test simulate a power loss.</summary>
    internal string? FileLayer { get; init; }

    /// <inheritdoc/>
    public ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken) => Call(
        database =>
        {
            using var statement = database.Prepare("SELECT Version, Document FROM SendState WHERE Id = 1");
            var now = time.GetUtcNow();
            if (!statement.Step()) return new StoredSendState(new SharedSendState(), null, now);
            var tag = FormattableString.Invariant($"{statement.Int64(0)}");
            return new StoredSendState(SharedSendStateText.Read(statement.Text(1)!, null, $"The file {path}"), tag, now);
        },
        cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken) => Call(
        database =>
        {
            using var statement = database.Prepare(tag is null
                ? "INSERT OR IGNORE INTO SendState (Document, Version, Id) VALUES (?1, ?2 + 1, 1)"
                : "UPDATE SendState SET Document = ?1, Version = Version + 1 WHERE Id = 1 AND Version = ?2");
            statement.Bind(1, SharedSendStateText.Write(state));
            statement.Bind(2, tag is null ? 0 : long.Parse(tag, System.Globalization.CultureInfo.InvariantCulture));
            while (statement.Step()) { }
            return database.Number("SELECT changes()") == 1;
        },
        cancellationToken);

    // Opened for each call: there are few, and an open file would outlive a process that only sets a pause.
    private ValueTask<T> Call<T>(Func<SqliteDatabase, T> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            using var database = SqliteDatabase.Open(path, SqliteAccess.Write, BusyTimeout, FileLayer);
            if (database.Number("PRAGMA user_version") is > StoredFormat.Current and var format)
                throw new SendStateUnavailableException(StoredFormat.Fault($"The file {path}", (int)format)!);

            // A change is made when its journal is deleted; without a sync of the folder, a power loss brings the journal back and undoes it.
            database.Execute("PRAGMA synchronous = EXTRA");
            database.Execute("CREATE TABLE IF NOT EXISTS SendState (Id INTEGER PRIMARY KEY, Version INTEGER NOT NULL, Document TEXT NOT NULL)");
            return ValueTask.FromResult(call(database));
        }
        catch (LedgerUnavailableException e)
        {
            throw new SendStateUnavailableException(e.Message, e);
        }
    }
}
