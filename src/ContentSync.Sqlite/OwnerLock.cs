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
            return new OwnerLock(new FileStream(path + ".owner", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
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

    // EWOULDBLOCK of flock on Linux (11) and macOS (35); ERROR_SHARING_VIOLATION on Windows.
    private static bool IsHeldByAnother(IOException fault) => fault.HResult is 11 or 35 or unchecked((int)0x80070020);
}
