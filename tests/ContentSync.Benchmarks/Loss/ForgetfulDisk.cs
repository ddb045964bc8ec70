using System.Runtime.InteropServices;

namespace ContentSync.Benchmarks.Loss;

/// <summary>
/// A file layer (VFS) of SQLite that does everything as the default one and also keeps, beside each file, a copy of what was synced: the
/// least that the disk holds after a power loss. SQLite keeps a registered layer for the life of the process. Thread-safe.
/// </summary>
public sealed class ForgetfulDisk
{
    /// <summary>Suffix of the copies.</summary>
    public const string Suffix = ".synced";

    // Offsets of the members of sqlite3_vfs and sqlite3_io_methods in a 64-bit process, and the sizes of the structures.
    private const int VfsSize = 168;
    private const int VfsNext = 16;
    private const int VfsName = 24;
    private const int VfsOpen = 40;
    private const int VfsDelete = 48;
    private const int MethodsSize = 152;
    private const int MethodsClose = 8;
    private const int MethodsWrite = 24;
    private const int MethodsTruncate = 32;
    private const int MethodsSync = 40;

    private const int DatabaseJournalOrLog = 0x100 | 0x800 | 0x80000;

    private readonly Lock _lock = new();
    private readonly Dictionary<IntPtr, TrackedFile> _files = [];
    private readonly Dictionary<IntPtr, FileMethods> _methods = [];
    private readonly List<Delegate> _callbacks = [];
    private readonly IntPtr _original;
    private readonly OpenCall _open;
    private readonly DeleteCall _delete;
    private int _syncs;

    private ForgetfulDisk(string name, IntPtr original)
    {
        Name = name;
        _original = original;
        _open = Marshal.GetDelegateForFunctionPointer<OpenCall>(Marshal.ReadIntPtr(original, VfsOpen));
        _delete = Marshal.GetDelegateForFunctionPointer<DeleteCall>(Marshal.ReadIntPtr(original, VfsDelete));
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int OpenCall(IntPtr vfs, IntPtr name, IntPtr file, int flags, IntPtr outFlags);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int DeleteCall(IntPtr vfs, IntPtr name, int syncFolder);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int CloseCall(IntPtr file);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int WriteCall(IntPtr file, IntPtr data, int amount, long offset);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int TruncateCall(IntPtr file, long size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int SyncCall(IntPtr file, int flags);

    /// <summary>Name of the layer.</summary>
    public string Name { get; }

    /// <summary>Number of syncs so far, of all files.</summary>
    public int Syncs => Volatile.Read(ref _syncs);

    /// <summary>Whether every write fails because the disk is full.</summary>
    public bool IsFull { get; set; }

    /// <summary>Registers the layer.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="asDefault">Whether connections that name no layer use it.</param>
    public static ForgetfulDisk Register(string name, bool asDefault)
    {
        SQLitePCL.Batteries_V2.Init();
        var original = Find(IntPtr.Zero);
        var disk = new ForgetfulDisk(name, original);
        var vfs = Copy(original, VfsSize);
        Marshal.WriteIntPtr(vfs, VfsNext, IntPtr.Zero);
        Marshal.WriteIntPtr(vfs, VfsName, Marshal.StringToCoTaskMemUTF8(name));
        Marshal.WriteIntPtr(vfs, VfsOpen, disk.Callback<OpenCall>(disk.Open));
        Marshal.WriteIntPtr(vfs, VfsDelete, disk.Callback<DeleteCall>((_, path, syncFolder) => disk.Delete(path, syncFolder)));
        if (Register(vfs, asDefault ? 1 : 0) != 0) throw new InvalidOperationException("SQLite refused the file layer.");

        // SQLite calls it until the process ends, whether or not anything here still refers to it.
        _ = GCHandle.Alloc(disk);
        return disk;
    }

    /// <summary>Copies what is left of a database after a power loss at this moment.</summary>
    /// <param name="path">The database.</param>
    /// <param name="target">Path of the copy.</param>
    /// <param name="surviving">
    /// Returns how many of a file's writes since its last sync reach the disk, given their number. They survive in their order.
    /// </param>
    public void CopySurviving(string path, string target, Func<int, int> surviving)
    {
        lock (_lock)
        {
            foreach (var suffix in new[] { "", "-wal", "-journal" })
            {
                if (!File.Exists(path + suffix + Suffix)) continue;
                File.Copy(path + suffix + Suffix, target + suffix, overwrite: true);
                // Readers have the same files open and write nothing.
                if (_files.Values.FirstOrDefault(file => file.Path == path + suffix && file.Changes.Count > 0) is not { } open) continue;
                using var copy = File.OpenWrite(target + suffix);
                foreach (var change in open.Changes.Take(surviving(open.Changes.Count))) change.Apply(copy);
            }
        }
    }

    /// <summary>Replaces a database that no process has open by what was synced.</summary>
    public static void Restore(string path)
    {
        File.Delete(path + "-shm");
        foreach (var suffix in new[] { "", "-wal", "-journal" })
        {
            if (File.Exists(path + suffix + Suffix)) File.Copy(path + suffix + Suffix, path + suffix, overwrite: true);
            else File.Delete(path + suffix);
        }
    }

    [DllImport("e_sqlite3", EntryPoint = "sqlite3_vfs_find", CallingConvention = CallingConvention.Cdecl)]
    private static extern IntPtr Find(IntPtr name);

    [DllImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register", CallingConvention = CallingConvention.Cdecl)]
    private static extern int Register(IntPtr vfs, int asDefault);

    // Never freed: SQLite uses it until the process ends.
    private static IntPtr Copy(IntPtr structure, int size)
    {
        var bytes = new byte[size];
        Marshal.Copy(structure, bytes, 0, size);
        var copy = Marshal.AllocHGlobal(size);
        Marshal.Copy(bytes, 0, copy, size);
        return copy;
    }

    private IntPtr Callback<T>(T callback)
        where T : Delegate
    {
        // Native code does not keep a delegate alive.
        lock (_lock) _callbacks.Add(callback);
        return Marshal.GetFunctionPointerForDelegate(callback);
    }

    private int Open(IntPtr vfs, IntPtr name, IntPtr file, int flags, IntPtr outFlags)
    {
        var code = _open(_original, name, file, flags, outFlags);
        if (code != 0 || name == IntPtr.Zero || (flags & DatabaseJournalOrLog) == 0) return code;
        var path = Marshal.PtrToStringUTF8(name)!;
        lock (_lock)
        {
            var methods = Patched(Marshal.ReadIntPtr(file));
            Marshal.WriteIntPtr(file, methods.Patched);
            _files[file] = new TrackedFile(path, methods, []);
            if (!File.Exists(path + Suffix)) File.Create(path + Suffix).Dispose();
        }

        return code;
    }

    private int Delete(IntPtr name, int syncFolder)
    {
        var code = _delete(_original, name, syncFolder);
        if (code == 0) File.Delete(Marshal.PtrToStringUTF8(name)! + Suffix);
        return code;
    }

    private FileMethods Patched(IntPtr original)
    {
        if (_methods.TryGetValue(original, out var known)) return known;
        var patched = Copy(original, MethodsSize);
        var methods = new FileMethods(
            patched,
            Marshal.GetDelegateForFunctionPointer<CloseCall>(Marshal.ReadIntPtr(original, MethodsClose)),
            Marshal.GetDelegateForFunctionPointer<WriteCall>(Marshal.ReadIntPtr(original, MethodsWrite)),
            Marshal.GetDelegateForFunctionPointer<TruncateCall>(Marshal.ReadIntPtr(original, MethodsTruncate)),
            Marshal.GetDelegateForFunctionPointer<SyncCall>(Marshal.ReadIntPtr(original, MethodsSync)));
        Marshal.WriteIntPtr(patched, MethodsClose, Callback<CloseCall>(Close));
        Marshal.WriteIntPtr(patched, MethodsWrite, Callback<WriteCall>(Write));
        Marshal.WriteIntPtr(patched, MethodsTruncate, Callback<TruncateCall>(Truncate));
        Marshal.WriteIntPtr(patched, MethodsSync, Callback<SyncCall>(Sync));
        return _methods[original] = methods;
    }

    private TrackedFile Tracked(IntPtr file)
    {
        lock (_lock) return _files[file];
    }

    // Writes that were not synced before a file is closed may be lost as well; no later sync of this process covers them.
    private int Close(IntPtr file)
    {
        var tracked = Tracked(file);
        lock (_lock) _files.Remove(file);
        return tracked.Methods.Close(file);
    }

    private int Write(IntPtr file, IntPtr data, int amount, long offset)
    {
        if (IsFull) return SQLitePCL.raw.SQLITE_FULL;
        var tracked = Tracked(file);
        var code = tracked.Methods.Write(file, data, amount, offset);
        if (code != 0) return code;
        var bytes = new byte[amount];
        Marshal.Copy(data, bytes, 0, amount);
        lock (_lock) tracked.Changes.Add(new Change(offset, bytes));
        return code;
    }

    private int Truncate(IntPtr file, long size)
    {
        var tracked = Tracked(file);
        var code = tracked.Methods.Truncate(file, size);
        if (code != 0) return code;
        lock (_lock) tracked.Changes.Add(new Change(size, null));
        return code;
    }

    private int Sync(IntPtr file, int flags)
    {
        var tracked = Tracked(file);
        var code = tracked.Methods.Sync(file, flags);
        if (code != 0) return code;
        Interlocked.Increment(ref _syncs);
        lock (_lock)
        {
            using var copy = File.OpenWrite(tracked.Path + Suffix);
            foreach (var change in tracked.Changes) change.Apply(copy);
            tracked.Changes.Clear();
        }

        return code;
    }

    private sealed record TrackedFile(string Path, FileMethods Methods, List<Change> Changes);

    private sealed record FileMethods(IntPtr Patched, CloseCall Close, WriteCall Write, TruncateCall Truncate, SyncCall Sync);

    /// <param name="Offset">Where the bytes go; without bytes, the new size of the file.</param>
    /// <param name="Bytes">Null to truncate the file.</param>
    private sealed record Change(long Offset, byte[]? Bytes)
    {
        public void Apply(FileStream file)
        {
            if (Bytes is null)
            {
                file.SetLength(Offset);
                return;
            }

            file.Position = Offset;
            file.Write(Bytes);
        }
    }
}
