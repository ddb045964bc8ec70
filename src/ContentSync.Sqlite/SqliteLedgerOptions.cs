namespace ContentSync.Sqlite;

/// <param name="Path">The database file. SQLite keeps two more files beside it while it is open (<c>-wal</c>, <c>-shm</c>), the ledger one (<c>.owner</c>).</param>
public sealed record SqliteLedgerOptions(string Path)
{
    public LedgerDurability Durability { get; init; } = LedgerDurability.PowerLoss;

    /// <summary>
    /// How long a transaction waits for another program that has the file locked (a backup, a shell). No other process of
    /// this program writes to it, so by default not long.
    /// </summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Upper bound of the database in pages of 4 KiB; null for none. Lets a test fill the disk.</summary>
    internal int? MaxPages { get; init; }

    /// <summary>Pages in the write-ahead log after which they are copied into the database: 16 MiB, so that pages written often are copied seldom.</summary>
    internal int CheckpointPages { get; init; } = 4096;
}

/// <summary>What an acknowledged write survives.</summary>
public enum LedgerDurability
{
    /// <summary>The end of the process, also by kill -9. A power cut may take the last commits, never the file's consistency.</summary>
    ProcessEnd,

    /// <summary>A power cut too: every commit waits for the disk (one wait for all writes that came in meanwhile).</summary>
    PowerLoss,
}
