namespace ContentSync.Sqlite;

/// <param name="Path">
/// The database file. While it is open, SQLite keeps two more files beside it (<c>-wal</c>, <c>-shm</c>); the ledger keeps one
/// (<c>.owner</c>).
/// </param>
public sealed record SqliteLedgerOptions(string Path)
{
    public LedgerDurability Durability { get; init; } = LedgerDurability.PowerLoss;

    /// <summary>
    /// How long AlipayHK may still process a request after this process has ended. If the previous owner did not close the ledger, or closed
    /// it within the late-effect window of a request, no item that the ledger holds is sent before this time has passed since opening.
    /// </summary>
    public TimeSpan LateEffectWindow { get; init; } = TimeSpan.FromSeconds(25);

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

    /// <summary>Name of SQLite's file layer (VFS) for the owner's connections; null for the default. Lets a test simulate a power loss.</summary>
    internal string? FileLayer { get; init; }

    /// <summary>
    /// False if calls wait until <see cref="SqliteLedger.WriteWaiting"/> writes them on the thread of its caller. Lets a test decide when, and
    /// which calls share a commit.
    /// </summary>
    internal bool HasWriterThread { get; init; } = true;
}

/// <summary>What a write survives before the call that made it returns.</summary>
public enum LedgerDurability
{
    /// <summary>The end of the process, even by kill -9. A power loss may undo the last commits but does not damage the file.</summary>
    ProcessEnd,

    /// <summary>
    /// A power loss as well, for each write that something outside relies on. Such a commit waits for the disk, and concurrent writes share
    /// one wait:
    /// <list type="bullet">
    /// <item>accept, replay, resend: the response promises that the item will be sent;</item>
    /// <item>
    /// the first lease of a version: it clears what AlipayHK is known to hold, and the request that makes that untrue leaves afterwards;
    /// </item>
    /// <item>the mark of an open ledger: it makes the next owner wait for the late effects of this one's requests.</item>
    /// </list>
    /// The other commits do not wait. Losing the outcome of an attempt sends the same request once more. Losing the mark of a closed ledger
    /// makes the next owner wait once more. A later lease of a version writes nothing.
    /// </summary>
    PowerLoss,
}
