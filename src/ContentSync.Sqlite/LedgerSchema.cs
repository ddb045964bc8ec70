using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The tables of the file. The row of a record is small and rewritten at every step; the body is written once, so it is in a table
/// of its own. Rows are numbered in the order of first acceptance, so items that are sent together are stored together.
/// </summary>
internal static class LedgerSchema
{
    /// <summary>Version of the schema, stored as SQLite's <c>user_version</c>.</summary>
    public const int Version = 4;

    /// <summary>With one value for the order of versions: a number (kind 1) or microseconds since 1970 (kind 0).</summary>
    private const int OneValueVersion = 2;

    /// <summary>Without a history of what was sent, and without counts by type.</summary>
    private const int NoHistoryVersion = 3;

    /// <summary>Stored as SQLite's <c>application_id</c>, so that another program's database is not mistaken for a ledger.</summary>
    private const int ApplicationId = 0x43534c47;

    // Times are UTC ticks of 100 ns. The index "unsettled" serves the sweep and the listing of parked items. It leaves out synchronized
    // items, so a million of them cost nothing; "stale" contains stale items only. "tally" counts the records by state and is updated in
    // the same transactions.
    private const string Indexes = $"""
        CREATE INDEX unsettled ON record (state, id, due_at) WHERE state <> 1;
        CREATE INDEX stale ON record (id) WHERE {RecordRow.IsStale}
        """;

    // Contains items with a template only. Earlier versions of the program keep it up to date without knowing it, so it needs no version.
    private const string TemplateIndex =
        "CREATE INDEX IF NOT EXISTS template ON record (template_status) WHERE template_status IS NOT NULL";

    // Counts the records by contentType, which a full scan would take too long for; updated like "tally".
    private const string TypeTally =
        "CREATE TABLE type_tally (content_type TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

    private const string FillTypeTally = $"{TypeTally} INSERT INTO type_tally SELECT content_type, count(*) FROM record GROUP BY content_type;";

    private static readonly string Definition = $"""
        CREATE TABLE record (
          id INTEGER PRIMARY KEY,
        {Column.Definitions}
        ) STRICT;
        CREATE TABLE body (id INTEGER PRIMARY KEY, body BLOB NOT NULL, sent_bodies BLOB) STRICT;
        {Indexes};
        CREATE TABLE tally (
          state INTEGER NOT NULL,
          park_reason INTEGER NOT NULL,
          count INTEGER NOT NULL,
          PRIMARY KEY (state, park_reason)
        ) STRICT, WITHOUT ROWID;
        {TypeTally}
        CREATE TABLE owner (epoch INTEGER NOT NULL, process_id INTEGER NOT NULL) STRICT;
        INSERT INTO owner VALUES (0, 0);
        """;

    // Earlier versions of the program do not know it, so it needs no version: they accept what the horizon would supersede.
    private const string HorizonTable = "CREATE TABLE IF NOT EXISTS horizon (at INTEGER NOT NULL) STRICT";

    private const string AddSentBodies = "ALTER TABLE body ADD COLUMN sent_bodies BLOB;";

    private const string AddHistory = $"""
        ALTER TABLE record ADD COLUMN attempt_version TEXT;
        ALTER TABLE record ADD COLUMN earlier_sent TEXT;
        {AddSentBodies}
        {FillTypeTally}
        """;

    /// <summary>Creates the tables in a new file, upgrades those of earlier versions, and checks the version of any other file.</summary>
    /// <exception cref="LedgerUnavailableException">The file is not a ledger, or another version of the program wrote it.</exception>
    public static void Ensure(SqliteDatabase database)
    {
        if (database.Number("PRAGMA user_version") == 0 && database.Number("SELECT count(*) FROM sqlite_schema") == 0)
            Run(database, $"{Definition} PRAGMA application_id = {ApplicationId};");
        else if (UpgradeOf(database) is { } upgrade)
            Run(database, upgrade);
        Check(database);
        database.Execute(TemplateIndex);
        database.Execute(HorizonTable);
    }

    /// <summary>Upgrades a file of an earlier version, unless a process owns it.</summary>
    /// <inheritdoc cref="Ensure"/>
    public static void UpgradeFile(SqliteLedgerOptions options)
    {
        if (!File.Exists(options.Path)) return;
        using (var reader = SqliteDatabase.Open(options.Path, SqliteAccess.Read, options.BusyTimeout))
        {
            if (UpgradeOf(reader) is null) return;
        }

        using var owner = OwnerLock.TryTake(options.Path);
        if (owner is null) return;
        using var database = SqliteDatabase.Open(options.Path, SqliteAccess.Write, options.BusyTimeout);
        Ensure(database);
    }

    /// <inheritdoc cref="Ensure"/>
    public static void Check(SqliteDatabase database)
    {
        if (database.Number("PRAGMA application_id") != ApplicationId)
            throw new LedgerUnavailableException($"The file {database.Path} is not a ledger; choose another folder, or move the file away.");
        var version = database.Number("PRAGMA user_version");
        if (version is OneValueVersion or NoHistoryVersion)
        {
            throw new LedgerUnavailableException(
                $"The ledger {database.Path} is in use by an earlier version of the program; stop it, then run this command again.");
        }

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

    // Ticks of 100 ns: a microsecond has 10, and 1970 is 621355968000000000. A time more than five minutes ahead counts as its receipt.
    private static string SplitVersion
    {
        get
        {
            const string Time = "(revision * 10 + 621355968000000000)";
            const string IsNumber = "revision_kind = 1";
            var isAhead = $"{Time} - accepted_at > {VersionOrder.MaxAhead.Ticks}";
            var changedAt = $"CASE WHEN {IsNumber} OR {isAhead} THEN accepted_at ELSE {Time} END";
            var expressions = Column.Expressions(new Dictionary<string, string>
            {
                ["number"] = $"CASE WHEN {IsNumber} THEN revision END",
                ["given_at"] = "NULL",
                ["received_at"] = $"CASE WHEN {IsNumber} THEN accepted_at ELSE {Time} END",
                ["changed_at"] = changedAt,
                ["highest_number"] = $"CASE WHEN {IsNumber} THEN revision END",
                ["latest_given_at"] = $"CASE WHEN {IsNumber} THEN NULL ELSE {changedAt} END",
                ["ahead_times"] = $"CASE WHEN NOT {IsNumber} AND {isAhead} THEN CAST({Time} AS TEXT) END",
                ["rollback_at"] = "NULL",
                ["attempt_version"] = "NULL",
                ["earlier_sent"] = "NULL",
                ["refused"] = "NULL",
                ["synchronized_number"] = "CASE WHEN synchronized_revision_kind = 1 THEN synchronized_revision END",
                ["synchronized_given_at"] = "NULL",
                ["synchronized_received_at"] =
                    "CASE synchronized_revision_kind WHEN 1 THEN synchronized_at WHEN 0 THEN synchronized_revision * 10 + 621355968000000000 END",
            });
            return $"""
                DROP INDEX unsettled;
                ALTER TABLE record RENAME TO earlier;
                CREATE TABLE record (
                  id INTEGER PRIMARY KEY,
                {Column.Definitions}
                ) STRICT;
                INSERT INTO record (id, {Column.Names}) SELECT id, {expressions} FROM earlier;
                DROP TABLE earlier;
                {Indexes};
                {AddSentBodies}
                {FillTypeTally}
                """;
        }
    }

    /// <summary>The script that upgrades the file of an earlier version; null for any other file.</summary>
    private static string? UpgradeOf(SqliteDatabase database) => database.Number("PRAGMA application_id") != ApplicationId
        ? null
        : database.Number("PRAGMA user_version") switch
        {
            OneValueVersion => SplitVersion,
            NoHistoryVersion => AddHistory,
            _ => null,
        };

    private static void Run(SqliteDatabase database, string script)
    {
        const StringSplitOptions Split = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        database.Execute("BEGIN IMMEDIATE");
        foreach (var statement in script.Split(';', Split)) { database.Execute(statement); }
        database.Execute($"PRAGMA user_version = {Version}");
        database.Execute("COMMIT");
    }
}
