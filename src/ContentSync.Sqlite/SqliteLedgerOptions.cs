namespace ContentSync.Sqlite;

/// <param name="Path">
/// The database file. While it is open, SQLite keeps two more files beside it (<c>-wal</c>, <c>-shm</c>); the ledger keeps one
/// (<c>.owner</c>).
/// </param>
public sealed record SqliteLedgerOptions(string Path)
{
    public LedgerDurability Durability { get; init; } = LedgerDurability.PowerLoss;

    /// <summary>
    /// How long a transaction waits while another program, such as a backup or a shell, has the file locked. The default is short,
    /// because no other process of this program writes to the file.
    /// </summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Maximum size of the database in pages of 4 KiB; null for no limit. Lets a test simulate a full disk.</summary>
    internal int? MaxPages { get; init; }

    /// <summary>
    /// Number of pages in the write-ahead log that triggers a checkpoint. The default of 16 MiB means that frequently written pages are
    /// rarely copied into the database.
    /// </summary>
    internal int CheckpointPages { get; init; } = 4096;
}

/// <summary>What an acknowledged write survives.</summary>
public enum LedgerDurability
{
    /// <summary>The end of the process, even by kill -9. A power loss may undo the last commits but does not damage the file.</summary>
    ProcessEnd,

    /// <summary>A power loss as well: commits that accept, replay or resend items wait for the disk. Concurrent writes share one wait.</summary>
    PowerLoss,
}
