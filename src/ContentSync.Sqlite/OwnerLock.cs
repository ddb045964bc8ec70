using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// Ownership of a file by one process, as a lock on a second file beside it. The operating system releases the lock when the process
/// ends, even if it is killed. The lock file is never deleted, because a deletion could let two owners in.
/// </summary>
internal sealed class OwnerLock : IDisposable
{
    private readonly FileStream _lockFile;

    private OwnerLock(FileStream lockFile) => _lockFile = lockFile;

    /// <summary>Takes ownership; returns null if another owner has it.</summary>
    /// <param name="path">The file to own; the lock file has the same name with the suffix <c>.owner</c>.</param>
    /// <exception cref="LedgerUnavailableException">The lock file cannot be created.</exception>
    public static OwnerLock? TryTake(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var owner = new OwnerLock(Open(path + ".owner"));
            // Only this user may read the items. SQLite gives the files beside it the same permissions. An existing file must not be opened
            // here: closing it would release SQLite's own locks.
            if (!File.Exists(path)) Open(path).Dispose();
            return owner;
        }
        catch (IOException fault) when (IsHeldByAnother(fault))
        {
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LedgerUnavailableException($"The ledger {path} cannot be opened for writing: {fault.Message}", fault);
        }
    }

    public void Dispose() => _lockFile.Dispose();

    private static FileStream Open(string path)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    // EWOULDBLOCK of flock on Linux (11) and macOS (35); ERROR_SHARING_VIOLATION on Windows.
    private static bool IsHeldByAnother(IOException fault) => fault.HResult is 11 or 35 or unchecked((int)0x80070020);
}
