using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The tables of the file. The row of a record is small and rewritten at every step; the body is written once, so it is in a table
/// of its own. Rows are numbered in the order of first acceptance, so items that are sent together are stored together.
/// </summary>
internal static class LedgerSchema
{
    /// <summary>Version of the schema, stored as SQLite's <c>user_version</c>.</summary>
    public const int Version = 2;

    /// <summary>Stored as SQLite's <c>application_id</c>, so that another program's database is not mistaken for a ledger.</summary>
    private const int ApplicationId = 0x43534c47;

    // Times are UTC ticks of 100 ns. The index "unsettled" serves the sweep and the listing of parked items. It leaves out synchronized
    // items, so a million of them cost nothing. "tally" counts the records by state and is updated in the same transactions.
    private static readonly string Definition = $"""
        CREATE TABLE record (
          id INTEGER PRIMARY KEY,
        {Column.Definitions}
        ) STRICT;
        CREATE TABLE body (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
        CREATE INDEX unsettled ON record (state, id, due_at) WHERE state <> 1;
        CREATE TABLE tally (
          state INTEGER NOT NULL,
          park_reason INTEGER NOT NULL,
          count INTEGER NOT NULL,
          PRIMARY KEY (state, park_reason)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE owner (epoch INTEGER NOT NULL, process_id INTEGER NOT NULL) STRICT;
        INSERT INTO owner VALUES (0, 0);
        """;

    /// <summary>Creates the tables in a new file; checks the version of an existing one.</summary>
    /// <exception cref="LedgerUnavailableException">The file is not a ledger, or another version of the program wrote it.</exception>
    public static void Ensure(SqliteDatabase database)
    {
        if (database.Number("PRAGMA user_version") == 0 && database.Number("SELECT count(*) FROM sqlite_schema") == 0)
        {
            database.Execute("BEGIN IMMEDIATE");
            const StringSplitOptions Split = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
            foreach (var statement in Definition.Split(';', Split)) { database.Execute(statement); }
            database.Execute($"PRAGMA application_id = {ApplicationId}");
            database.Execute($"PRAGMA user_version = {Version}");
            database.Execute("COMMIT");
        }

        Check(database);
    }

    /// <inheritdoc cref="Ensure"/>
    public static void Check(SqliteDatabase database)
    {
        if (database.Number("PRAGMA application_id") != ApplicationId)
            throw new LedgerUnavailableException($"The file {database.Path} is not a ledger; choose another folder, or move the file away.");
        var version = database.Number("PRAGMA user_version");
        if (version < Version)
        {
            throw new LedgerUnavailableException(
                $"The ledger {database.Path} was written by a program before the first release (schema {version}, this one knows {Version}); "
                + "choose another folder, or delete this one.");
        }

        if (version > Version)
        {
            throw new LedgerUnavailableException(
                $"The ledger {database.Path} was written by a newer program (schema {version}, this one knows {Version}); "
                + "run that program, or choose another folder.");
        }
    }
}
