using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace ContentSync.Simulation;

/// <summary>
/// A file layer (VFS) of SQLite that keeps files in memory, each with what was synced and what was not. SQLite keeps a registered layer for
/// the life of the process, so it finds the disk of a simulation by the folder of the file. Thread-safe, as long as each disk is used by one
/// thread at a time.
/// </summary>
internal sealed class MemoryFiles
{
    /// <summary>Name of the layer.</summary>
    public const string Name = "simulated";

    // Offsets of the members of sqlite3_vfs and sqlite3_io_methods in a 64-bit process, and the sizes of the structures.
    private const int VfsSize = 168;
    private const int VfsFileSize = 4;
    private const int VfsNext = 16;
    private const int VfsName = 24;
    private const int VfsOpen = 40;
    private const int VfsDelete = 48;
    private const int VfsAccess = 56;
    private const int VfsFullPathname = 64;
    private const int MethodsSize = 136;

    // A file as SQLite sees it: a pointer to its methods, and our handle.
    private const int FileSize = 16;
    private const int FileHandle = 8;

    private const int ShortRead = raw.SQLITE_IOERR | (2 << 8);
    private const int NoSuchFile = raw.SQLITE_IOERR | (23 << 8);
    private const int PowersafeOverwrite = 0x1000;
    private const int SectorSize = 4096;

    private const int ShmUnlock = 1;
    private const int ShmLockBit = 2;
    private const int ShmShared = 4;

    private static readonly MemoryFiles Instance = new();

    private readonly ConcurrentDictionary<string, SimulatedDisk> _disks = new(StringComparer.Ordinal);
    private readonly List<Delegate> _callbacks = [];
    private readonly IntPtr _methods;

    private MemoryFiles()
    {
        Batteries_V2.Init();

        // The statistics take one lock for all threads. Where SQLite is in use already, as in the tests, they stay.
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MEMSTATUS, 0);
        var vfs = Marshal.AllocHGlobal(VfsSize);
        var bytes = new byte[VfsSize];
        Marshal.Copy(FindLayer(IntPtr.Zero), bytes, 0, VfsSize);
        Marshal.Copy(bytes, 0, vfs, VfsSize);
        Marshal.WriteInt32(vfs, VfsFileSize, FileSize);
        Marshal.WriteIntPtr(vfs, VfsNext, IntPtr.Zero);
        Marshal.WriteIntPtr(vfs, VfsName, Marshal.StringToCoTaskMemUTF8(Name));
        Marshal.WriteIntPtr(vfs, VfsOpen, Callback<OpenCall>(Open));
        Marshal.WriteIntPtr(vfs, VfsDelete, Callback<DeleteCall>((_, name, syncFolder) => Delete(name, syncFolder != 0)));
        Marshal.WriteIntPtr(vfs, VfsAccess, Callback<AccessCall>((_, name, _, found) => Access(name, found)));
        Marshal.WriteIntPtr(vfs, VfsFullPathname, Callback<FullPathnameCall>(static (_, name, size, target) => CopyName(name, size, target)));
        _methods = Methods();
        if (RegisterLayer(vfs, 0) != raw.SQLITE_OK) throw new InvalidOperationException("SQLite refused the file layer.");
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int OpenCall(IntPtr vfs, IntPtr name, IntPtr file, int flags, IntPtr outFlags);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int DeleteCall(IntPtr vfs, IntPtr name, int syncFolder);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int AccessCall(IntPtr vfs, IntPtr name, int flags, IntPtr found);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int FullPathnameCall(IntPtr vfs, IntPtr name, int size, IntPtr target);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int FileCall(IntPtr file);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int FileIntCall(IntPtr file, int value);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int TransferCall(IntPtr file, IntPtr data, int amount, long offset);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int TruncateCall(IntPtr file, long size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int ResultCall(IntPtr file, IntPtr result);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int ControlCall(IntPtr file, int operation, IntPtr argument);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int ShmMapCall(IntPtr file, int region, int size, int extend, IntPtr address);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int ShmLockCall(IntPtr file, int offset, int count, int flags);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void ShmBarrierCall(IntPtr file);

    /// <summary>Registers the layer, if it is not yet, and gives a folder a disk.</summary>
    public static SimulatedDisk Mount(string folder, World world) => Instance._disks[folder] = new SimulatedDisk(world);

    public static void Unmount(string folder) => Instance._disks.TryRemove(folder, out _);

    [DllImport("e_sqlite3", EntryPoint = "sqlite3_vfs_find", CallingConvention = CallingConvention.Cdecl)]
    private static extern IntPtr FindLayer(IntPtr name);

    [DllImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register", CallingConvention = CallingConvention.Cdecl)]
    private static extern int RegisterLayer(IntPtr vfs, int asDefault);

    private static OpenFile Of(IntPtr file) => (OpenFile)GCHandle.FromIntPtr(Marshal.ReadIntPtr(file, FileHandle)).Target!;

    private SimulatedDisk DiskOf(string path) => _disks[Path.GetDirectoryName(path)!];

    private IntPtr Methods()
    {
        var methods = Marshal.AllocHGlobal(MethodsSize);
        Marshal.WriteInt64(methods, 0, 0);
        Marshal.WriteInt32(methods, 0, 2);
        IntPtr[] calls =
        [
            Callback<FileCall>(Close),
            Callback<TransferCall>((file, data, amount, offset) => Of(file).File.Read(data, amount, offset) ? raw.SQLITE_OK : ShortRead),
            Callback<TransferCall>((file, data, amount, offset) => Of(file).File.Write(data, amount, offset)),
            Callback<TruncateCall>((file, size) => Of(file).File.Truncate(size)),
            Callback<FileIntCall>((file, _) => Of(file).File.Sync()),
            Callback<ResultCall>((file, result) => Result(() => Marshal.WriteInt64(result, Of(file).File.Length))),
            Callback<FileIntCall>((file, level) => Of(file).Lock(level)),
            Callback<FileIntCall>((file, level) => Of(file).Unlock(level)),
            Callback<ResultCall>((file, result) => Result(() => Marshal.WriteInt32(result, Of(file).IsReserved ? 1 : 0))),
            Callback<ControlCall>((_, _, _) => raw.SQLITE_NOTFOUND),
            Callback<FileCall>(_ => SectorSize),
            Callback<FileCall>(_ => PowersafeOverwrite),
            Callback<ShmMapCall>((file, region, size, extend, address) =>
                Result(() => Marshal.WriteIntPtr(address, Of(file).Map(region, size, extend != 0)))),
            Callback<ShmLockCall>((file, offset, count, flags) => ShmLock(Of(file), ((1 << count) - 1) << offset, flags)),
            Callback<ShmBarrierCall>(_ => Interlocked.MemoryBarrier()),
            Callback<FileIntCall>((file, _) => Result(Of(file).Unmap)),
        ];
        for (var i = 0; i < calls.Length; i++) Marshal.WriteIntPtr(methods, 8 * (i + 1), calls[i]);
        return methods;
    }

    // The default layer would follow symbolic links of folders that this one does not have.
    private static int CopyName(IntPtr name, int size, IntPtr target)
    {
        for (var i = 0; i < size; i++)
        {
            var unit = Marshal.ReadByte(name, i);
            Marshal.WriteByte(target, i, unit);
            if (unit == 0) return raw.SQLITE_OK;
        }

        return raw.SQLITE_CANTOPEN;
    }

    private static int Result(Action act)
    {
        act();
        return raw.SQLITE_OK;
    }

    // Native code does not keep a delegate alive.
    private IntPtr Callback<T>(T callback)
        where T : Delegate
    {
        _callbacks.Add(callback);
        return Marshal.GetFunctionPointerForDelegate(callback);
    }

    private int Open(IntPtr vfs, IntPtr name, IntPtr file, int flags, IntPtr outFlags)
    {
        Marshal.WriteIntPtr(file, IntPtr.Zero);
        var found = name == IntPtr.Zero ? new MemoryFile(null) : Find(Marshal.PtrToStringUTF8(name)!, flags);
        if (found is null) return raw.SQLITE_CANTOPEN;
        Marshal.WriteIntPtr(file, FileHandle, GCHandle.ToIntPtr(GCHandle.Alloc(new OpenFile(found))));
        Marshal.WriteIntPtr(file, _methods);
        if (outFlags != IntPtr.Zero) Marshal.WriteInt32(outFlags, flags);
        return raw.SQLITE_OK;
    }

    private MemoryFile? Find(string path, int flags) => DiskOf(path).Find(Path.GetFileName(path), (flags & raw.SQLITE_OPEN_CREATE) != 0);

    private static int Close(IntPtr file)
    {
        var handle = GCHandle.FromIntPtr(Marshal.ReadIntPtr(file, FileHandle));
        ((OpenFile)handle.Target!).Close();
        handle.Free();
        return raw.SQLITE_OK;
    }

    private int Delete(IntPtr name, bool syncFolder)
    {
        var path = Marshal.PtrToStringUTF8(name)!;
        return DiskOf(path).Delete(Path.GetFileName(path), syncFolder) ? raw.SQLITE_OK : NoSuchFile;
    }

    private int Access(IntPtr name, IntPtr found)
    {
        var path = Marshal.PtrToStringUTF8(name)!;
        Marshal.WriteInt32(found, DiskOf(path).Find(Path.GetFileName(path), create: false) is null ? 0 : 1);
        return raw.SQLITE_OK;
    }

    private static int ShmLock(OpenFile file, int slots, int flags)
    {
        if ((flags & ShmUnlock) != 0) file.ShmRelease(slots);
        else if ((flags & ShmLockBit) != 0 && !file.ShmTake(slots, (flags & ShmShared) != 0)) return raw.SQLITE_BUSY;
        return raw.SQLITE_OK;
    }
}

/// <summary>A file that a connection has open, with its locks.</summary>
internal sealed class OpenFile
{
    private const int SharedLevel = 1;
    private const int ReservedLevel = 2;
    private const int PendingLevel = 3;
    private const int ExclusiveLevel = 4;

    private int _level;
    private int _shared;
    private int _exclusive;
    private bool _isMapped;

    public OpenFile(MemoryFile file)
    {
        File = file;
        file.Opened.Add(this);
    }

    public MemoryFile File { get; }

    public bool IsReserved => File.Opened.Exists(open => open._level >= ReservedLevel);

    private IEnumerable<OpenFile> Others => File.Opened.Where(open => open != this);

    public int Lock(int level)
    {
        if (level <= _level) return raw.SQLITE_OK;
        var tolerated = level == ExclusiveLevel ? 0 : level == SharedLevel ? ReservedLevel : SharedLevel;
        if (Others.Any(open => open._level > tolerated)) return raw.SQLITE_BUSY;
        _level = level == PendingLevel ? ReservedLevel : level;
        return raw.SQLITE_OK;
    }

    public int Unlock(int level)
    {
        _level = Math.Min(_level, level);
        return raw.SQLITE_OK;
    }

    public IntPtr Map(int region, int size, bool extend)
    {
        _isMapped = true;
        return File.Map(region, size, extend);
    }

    public bool ShmTake(int slots, bool isShared)
    {
        if (Others.Any(open => ((open._exclusive | (isShared ? 0 : open._shared)) & slots) != 0)) return false;
        if (isShared) _shared |= slots;
        else _exclusive |= slots;
        return true;
    }

    public void ShmRelease(int slots)
    {
        _shared &= ~slots;
        _exclusive &= ~slots;
    }

    /// <summary>The memory that the connections share does not outlive the last of them.</summary>
    public void Unmap()
    {
        (_isMapped, _shared, _exclusive) = (false, 0, 0);
        if (!File.Opened.Exists(open => open._isMapped)) File.FreeRegions();
    }

    public void Close()
    {
        Unmap();
        File.Opened.Remove(this);
    }
}

/// <summary>A file of a <see cref="SimulatedDisk"/>; without a disk, a temporary one.</summary>
internal sealed class MemoryFile(SimulatedDisk? disk)
{
    private readonly List<Change> _unsynced = [];
    private readonly List<IntPtr> _regions = [];
    private Content _current = new();
    private Content _synced = new();

    public List<OpenFile> Opened { get; } = [];

    public long Length => _current.Length;

    /// <summary>The file after its machine stopped.</summary>
    /// <param name="survives">Draws whether a write that was not synced reached the disk; null after the end of a process only.</param>
    public MemoryFile After(Func<bool>? survives)
    {
        var next = new MemoryFile(disk) { _synced = _synced.Copy() };
        if (survives is null)
        {
            next._current = _current.Copy();
            next._unsynced.AddRange(_unsynced);
            return next;
        }

        foreach (var change in _unsynced)
        {
            if (survives()) change.Apply(next._synced);
        }

        next._current = next._synced.Copy();
        return next;
    }

    /// <returns>False if the file ends before; the rest is zero.</returns>
    public bool Read(IntPtr data, int amount, long offset)
    {
        var available = (int)Math.Clamp(_current.Length - offset, 0, amount);
        if (available > 0) Marshal.Copy(_current.Bytes, (int)offset, data, available);
        if (available < amount) Marshal.Copy(new byte[amount - available], 0, data + available, amount - available);
        return available == amount;
    }

    public int Write(IntPtr data, int amount, long offset)
    {
        if (disk?.Refuse() is { } refusal) return refusal;
        var bytes = new byte[amount];
        Marshal.Copy(data, bytes, 0, amount);
        return Apply(new Change(offset, bytes));
    }

    public int Truncate(long size) => disk?.Refuse() ?? Apply(new Change(size, null));

    public int Sync()
    {
        if (disk?.Refuse() is { } refusal) return refusal;
        foreach (var change in _unsynced) change.Apply(_synced);
        _unsynced.Clear();
        return raw.SQLITE_OK;
    }

    public IntPtr Map(int region, int size, bool extend)
    {
        while (extend && _regions.Count <= region)
        {
            var memory = Marshal.AllocHGlobal(size);
            Marshal.Copy(new byte[size], 0, memory, size);
            _regions.Add(memory);
        }

        return region < _regions.Count ? _regions[region] : IntPtr.Zero;
    }

    public void FreeRegions()
    {
        _regions.ForEach(Marshal.FreeHGlobal);
        _regions.Clear();
    }

    private int Apply(Change change)
    {
        change.Apply(_current);
        if (disk is not null) _unsynced.Add(change);
        return raw.SQLITE_OK;
    }

    private sealed class Content
    {
        public byte[] Bytes { get; private set; } = [];

        public int Length { get; private set; }

        public Content Copy() => new() { Bytes = Bytes[..Length], Length = Length };

        public void Resize(int length)
        {
            if (length > Bytes.Length)
            {
                var larger = new byte[Math.Max(length, 2 * Bytes.Length)];
                Bytes.AsSpan(0, Length).CopyTo(larger);
                Bytes = larger;
            }

            if (length < Length) Bytes.AsSpan(length, Length - length).Clear();
            Length = length;
        }
    }

    /// <param name="Offset">Where the bytes go; without bytes, the new size of the file.</param>
    /// <param name="Bytes">Null to truncate the file.</param>
    private sealed record Change(long Offset, byte[]? Bytes)
    {
        public void Apply(Content content)
        {
            if (Bytes is null)
            {
                content.Resize((int)Offset);
                return;
            }

            var end = (int)Offset + Bytes.Length;
            if (end > content.Length) content.Resize(end);
            Bytes.CopyTo(content.Bytes, (int)Offset);
        }
    }
}
