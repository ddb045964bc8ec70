using ContentSync.Ledger;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ContentSync.Sqlite;

/// <summary>Converts SQLite's result codes to sentences that a person can act on.</summary>
internal static class SqliteFault
{
    /// <param name="path">The database file.</param>
    /// <param name="code">SQLite's result code, primary or extended.</param>
    /// <param name="detail">SQLite's own message.</param>
    public static LedgerUnavailableException Of(string path, int code, string detail) =>
        new(Sentence(path, code & 0xff, detail), new SqliteException(detail, code & 0xff, code));

    private static string Sentence(string path, int code, string detail) => code switch
    {
        raw.SQLITE_FULL => $"There is no space left on the disk that holds {path}; free some and try again.",
        raw.SQLITE_IOERR => $"The disk that holds {path} failed ({detail}); check the disk and its free space, then try again.",
        raw.SQLITE_CORRUPT => $"The ledger {path} is damaged ({detail}); restore it from a backup, or move it away to start with an empty one.",
        raw.SQLITE_NOTADB => $"The file {path} is not a ledger; choose another folder, or move the file away.",
        raw.SQLITE_READONLY or raw.SQLITE_PERM => $"The ledger {path} cannot be written to; check the permissions of the file and its folder.",
        raw.SQLITE_CANTOPEN =>
            $"The ledger {path} cannot be opened; check that it exists, and check the permissions of the file and its folder.",
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => $"Another program has the ledger {path} locked; close it and try again.",
        _ => $"The ledger {path} failed: {detail}.",
    };
}
