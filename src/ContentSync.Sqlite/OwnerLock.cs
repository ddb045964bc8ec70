using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// Ownership of a file by one process, by a lock on a file beside it. The operating system gives the lock back when the
/// process ends, also when it is killed; the lock file itself stays, since deleting it would let two owners in.
/// </summary>
internal sealed class OwnerLock : IDisposable
{
    private readonly FileStream _held;

    private OwnerLock(FileStream held) => _held = held;

    /// <summary>Takes ownership; null where another has it.</summary>
    /// <param name="path">The file to own; the lock file adds <c>.owner</c> to its name.</param>
    /// <exception cref="LedgerUnavailableException">The lock file cannot be made.</exception>
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

    public void Dispose() => _held.Dispose();

    // EWOULDBLOCK of flock on Linux and macOS; ERROR_SHARING_VIOLATION on Windows.
    private static bool IsHeldByAnother(IOException fault) => fault.HResult is 11 or 35 or unchecked((int)0x80070020);
}
