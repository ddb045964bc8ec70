using SQLitePCL;

namespace ContentSync.Simulation;

/// <summary>The disk of the machine that runs the local host. It may be full, and forgets what was not synced when the power fails.</summary>
internal sealed class SimulatedDisk(World world)
{
    /// <summary>Time after which file systems have written their folders to the disk.</summary>
    private static readonly TimeSpan MaxUnsynced = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, (MemoryFile File, TimeSpan At)> _deleted = new(StringComparer.Ordinal);
    private Dictionary<string, MemoryFile> _files = new(StringComparer.Ordinal);
    private int? _writesLeft;

    public MemoryFile? Find(string name, bool create)
    {
        if (_files.TryGetValue(name, out var file) || !create) return file;
        _deleted.Remove(name);
        _files.Add(name, file = new MemoryFile(this));
        return file;
    }

    /// <summary>Deletes a file. Until its folder is synced, a power loss may bring it back.</summary>
    public bool Delete(string name, bool syncFolder)
    {
        if (!_files.Remove(name, out var file)) return false;
        if (syncFolder) _deleted.Clear();
        else _deleted[name] = (file, world.Time.Elapsed);
        return true;
    }

    /// <summary>The machine is about to stop: only so many of the next writes and syncs still happen.</summary>
    public void StopAfter(int writes) => _writesLeft = writes;

    /// <summary>Number of writes and syncs that succeeded.</summary>
    public int Written { get; private set; }

    /// <summary>The machine stopped at a write; what runs on it is about to end.</summary>
    public bool HasStopped => _writesLeft == 0;

    /// <summary>SQLite's code for a write that fails now; null if it succeeds.</summary>
    public int? Refuse()
    {
        world.DiskWrites++;
        if (world.Plan.CrashPoint is { Moment: CrashMoment.AtDiskWrite } point && world.DiskWrites == point.Number) _writesLeft = 0;
        if (_writesLeft is { } left)
        {
            if (left == 0) return raw.SQLITE_IOERR;
            _writesLeft = left - 1;
        }

        if (world.IsDown(Fault.DiskFull)) return raw.SQLITE_FULL;
        Written++;
        return null;
    }

    /// <summary>The process ends without closing its files.</summary>
    /// <param name="losesPower">Of each file all, none or any of the writes since its last sync reach the disk.</param>
    /// <param name="release">Closes what the process has open; this no longer changes anything on the disk.</param>
    public void End(bool losesPower, Action release)
    {
        var left = _files.OrderBy(file => file.Key, StringComparer.Ordinal)
            .ToDictionary(file => file.Key, file => file.Value.After(losesPower ? Survival() : null), StringComparer.Ordinal);
        if (losesPower) BringBack(left);
        _writesLeft = 0;
        release();
        _files = left;
        _deleted.Clear();
        _writesLeft = null;
    }

    private void BringBack(Dictionary<string, MemoryFile> left)
    {
        foreach (var (name, (file, at)) in _deleted.OrderBy(deleted => deleted.Key, StringComparer.Ordinal))
        {
            if (at <= world.Time.Elapsed - MaxUnsynced || !world.Random.Chance(0.5)) continue;
            world.Trace.Write("folder", $"has {name} again");
            world.Faults.Add(Fault.FileUndone);
            left.Add(name, file.After(Survival()));
        }
    }

    private Func<bool> Survival()
    {
        var share = world.Random.Pick(0.0, 0.5, 1.0);
        return () => world.Random.Chance(share);
    }
}
