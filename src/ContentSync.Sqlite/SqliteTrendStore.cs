using System.Runtime.CompilerServices;
using ContentSync.Diagnostics;
using ContentSync.Diagnostics.Trends;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>The trends in the SQLite file of the shared send state, so that a command can add to what a host recorded. Thread-safe.</summary>
/// <param name="path">The file; created with the first write.</param>
public sealed class SqliteTrendStore(string path) : ITrendStore
{
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public ValueTask WriteAsync(TrendRow row, CancellationToken cancellationToken)
    {
        Call(
            database =>
            {
                using var statement = database.Prepare("INSERT OR REPLACE INTO Trends (Quarter, Process, Minutes) VALUES (?1, ?2, ?3)");
                statement.Bind(1, row.Quarter.UtcTicks);
                statement.Bind(2, row.Process);
                statement.Bind(3, row.Minutes);
                while (statement.Step()) { }
                return 0;
            },
            cancellationToken);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TrendRow> ReadAsync(DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var row in Read(from, cancellationToken)) yield return row;
    }

    /// <inheritdoc/>
    public ValueTask DeleteBeforeAsync(DateTimeOffset quarter, CancellationToken cancellationToken)
    {
        Call(
            database =>
            {
                using var statement = database.Prepare("DELETE FROM Trends WHERE Quarter < ?1");
                statement.Bind(1, quarter.UtcTicks);
                while (statement.Step()) { }
                return 0;
            },
            cancellationToken);
        return ValueTask.CompletedTask;
    }

    private List<TrendRow> Read(DateTimeOffset from, CancellationToken cancellationToken) => Call(
        database =>
        {
            using var statement = database.Prepare("SELECT Quarter, Process, Minutes FROM Trends WHERE Quarter >= ?1");
            statement.Bind(1, from.UtcTicks);
            var rows = new List<TrendRow>();
            while (statement.Step()) rows.Add(new TrendRow(statement.Time(0), statement.Text(1)!, statement.Text(2)!));
            return rows;
        },
        cancellationToken);

    // Opened for each call, as for the shared document: there are few.
    private T Call<T>(Func<SqliteDatabase, T> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            using var database = SqliteDatabase.Open(path, SqliteAccess.Write, BusyTimeout);
            if (database.Number("PRAGMA user_version") is > StoredFormat.Current and var format)
                throw new TrendsUnavailableException(StoredFormat.Fault($"The file {path}", (int)format)!);
            database.Execute(
                "CREATE TABLE IF NOT EXISTS Trends (Quarter INTEGER NOT NULL, Process TEXT NOT NULL, Minutes TEXT NOT NULL, "
                + "PRIMARY KEY (Quarter, Process)) WITHOUT ROWID");
            return call(database);
        }
        catch (LedgerUnavailableException e)
        {
            throw new TrendsUnavailableException(e.Message, e);
        }
    }
}
