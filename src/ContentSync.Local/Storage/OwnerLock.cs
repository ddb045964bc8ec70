using System.Globalization;
using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Local.Storage;

/// <summary>
/// Ownership of a file by one process, by a lock on a file beside it. The operating system gives the lock back when the
/// process ends, also when it is killed; the lock file itself stays, since deleting it would let two owners in.
/// </summary>
internal sealed class OwnerLock : IDisposable
{
    private readonly FileStream _held;

    private OwnerLock(FileStream held) => _held = held;

    /// <param name="path">The file to own; the lock file adds <c>.owner</c> to its name.</param>
    /// <exception cref="DataInUseException">Another owner holds it.</exception>
    /// <exception cref="LedgerUnavailableException">The lock file cannot be made.</exception>
    public static OwnerLock Take(string path)
    {
        var lockPath = path + ".owner";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var held = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            held.SetLength(0);
            held.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            return new OwnerLock(held);
        }
        catch (IOException fault) when (IsHeldByAnother(fault))
        {
            throw new DataInUseException($"The data in {path} is in use by {Owner(lockPath)}; stop it first, or choose another folder.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LedgerUnavailableException($"The ledger {path} cannot be opened for writing: {fault.Message}", fault);
        }
    }

    public void Dispose() => _held.Dispose();

    // EWOULDBLOCK of flock on Linux and macOS; ERROR_SHARING_VIOLATION on Windows.
    private static bool IsHeldByAnother(IOException fault) => fault.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string Owner(string lockPath)
    {
        try
        {
            // Reading without sharing rules asks for no lock on Linux and macOS; on Windows the owner stays unnamed.
            using var stream = new FileStream(lockPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            return int.TryParse(reader.ReadToEnd(), CultureInfo.InvariantCulture, out var id) ? $"process {id}" : "another process";
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "another process";
        }
    }
}
