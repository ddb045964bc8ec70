using System.Runtime.InteropServices;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Makes the names of a folder's files survive a power loss: a file that was synced and then renamed may have its old name again, or be the one
/// that it replaced, until its folder is synced.
/// </summary>
internal static class FolderSync
{
    private const int ReadOnly = 0;

    // EIO and ENOSPC. Any other error means that the file system cannot sync a folder, like some of the network: it keeps names in its own way.
    private const int DiskFault = 5;
    private const int DiskFull = 28;

    /// <summary>Waits until the disk has the names. Does nothing on Windows, which has no such call.</summary>
    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0) throw Fault(folder);
        try
        {
            if (Sync(descriptor) != 0 && Marshal.GetLastPInvokeError() is DiskFault or DiskFull) throw Fault(folder);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Fault(string folder) =>
        new($"The folder '{folder}' cannot be synced to the disk: {Marshal.GetLastPInvokeErrorMessage()}.");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int descriptor);
}
