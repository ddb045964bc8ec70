using System.Runtime.CompilerServices;
using System.Text.Json;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>
/// The runs of the local host, as the process that owns them calls them: the real store, in a folder of the machine's own disk. It is checked
/// against a <see cref="SimulatedResyncStore"/> that takes the same writes.
/// </summary>
internal sealed class LocalResyncStore : IResyncStore
{
    private readonly SimulatedProcess _process;
    private readonly World _world;
    private readonly FileResyncStore _store;
    private readonly SimulatedResyncStore _known;
    private readonly LocalResyncFolder _folder;

    public LocalResyncStore(SimulatedProcess process, World world)
    {
        (_process, _world, _known, _folder) = (process, world, world.Resyncs, world.Local!.Resyncs);
        _store = FileResyncStore.Open(_folder.Path, _ => _folder.Synced());
        _folder.CheckOpened(Wait(() => _store.ListAsync(CancellationToken.None).ToListAsync()));
    }

    public ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken) => CallAsync(
        "find runs",
        () =>
        {
            var found = Wait(() => _store.FindAsync(source, CancellationToken.None));
            Check(source, found);
            return found;
        },
        cancellationToken);

    public async IAsyncEnumerable<ResyncHistory> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var history in await CallAsync("list runs", List, cancellationToken).ConfigureAwait(false)) yield return history;
    }

    public ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken) => WriteAsync(
        "write run",
        () =>
        {
            var before = _known.Find(history.Source);
            var written = Wait(() => _store.WriteAsync(history, CancellationToken.None));
            _known.Trace(_process.Name, history, written is not null);
            if ((before?.Version == history.Version) != written is not null)
                Report($"The runs that {(written is null ? "failed to be" : "were")} written had version {history.Version}, but version {before?.Version} was stored");
            if (written is null)
            {
                _world.Faults.Add(Fault.StoreConflict);
                return written;
            }

            _known.Put(written);
            _world.Invariants.Resyncs.Written(_process.Name, written);
            return written;
        },
        cancellationToken);

    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await plan.SaveAsync(bytes, cancellationToken).ConfigureAwait(false);
        var vanished = await plan.NamedAsync(cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false);
        await WriteAsync(
            "save plan",
            () =>
            {
                Wait(() => Done(_store.SavePlanAsync(planId, plan, CancellationToken.None)));
                _world.Invariants.Resyncs.PlanSaved(planId, vanished);
                return _known.SavePlan(planId, bytes.ToArray());
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken)
    {
        var plan = await CallAsync("load plan", Load, cancellationToken).ConfigureAwait(false);

        // Each reading opens the file again, which may be deleted meanwhile.
        return await CatalogPlan
            .OpenAsync(token => CallAsync<Stream>("read plan", () => Wait(() => CopyAsync(plan)), token), plan.DisposeAsync, cancellationToken)
            .ConfigureAwait(false);

        CatalogPlan Load()
        {
            var known = _known.Plan(planId);
            try
            {
                var loaded = Wait(() => _store.LoadPlanAsync(planId, CancellationToken.None));
                if (known is null || !Wait(() => CopyAsync(loaded)).ToArray().AsSpan().SequenceEqual(known))
                    Report($"Plan {planId} is not the one that was saved");
                return loaded;
            }
            catch (FileNotFoundException) when (known is not null)
            {
                Report($"Plan {planId} was saved but is lost");
                throw;
            }
        }
    }

    public async ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken) => await WriteAsync(
        "delete plan",
        () =>
        {
            if (_known.List().Any(history => history.InProgress()?.PlanId == planId || history.AbsentPlanId == planId))
                Report($"Plan {planId} is deleted while it is needed");
            Wait(() => Done(_store.DeletePlanAsync(planId, CancellationToken.None)));
            return _known.DeletePlan(planId);
        },
        cancellationToken).ConfigureAwait(false);

    // A folder lists its files in any order.
    private List<ResyncHistory> List()
    {
        var histories = Wait(() => _store.ListAsync(CancellationToken.None).ToListAsync());
        histories.Sort((a, b) => string.CompareOrdinal(a.Source, b.Source));
        foreach (var history in histories) Check(history.Source, history);
        if (histories.Count != _known.List().Count) Report($"{histories.Count} sources have runs instead of {_known.List().Count}");
        return histories;
    }

    private void Check(string source, ResyncHistory? found)
    {
        var known = _known.Find(source);
        var isSame = found is null || known is null
            ? found == known
            : LocalResyncFolder.Bytes(found).AsSpan().SequenceEqual(LocalResyncFolder.Bytes(known));
        if (!isSame) Report($"The runs of {source} have version {found?.Version}, but version {known?.Version} was written");
    }

    private void Report(string text) => _world.Invariants.Report(Invariant.RunsAreKept, text);

    private static async ValueTask<bool> Done(ValueTask task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    private static async ValueTask<MemoryStream> CopyAsync(CatalogPlan plan)
    {
        var copy = new MemoryStream();
        await plan.SaveAsync(copy, CancellationToken.None).ConfigureAwait(false);
        copy.Position = 0;
        return copy;
    }

    // Reading and writing files may go on on the thread pool, so the simulation blocks meanwhile.
    private static T Wait<T>(Func<ValueTask<T>> work) => work().AsTask().GetAwaiter().GetResult();

    private ValueTask<T> WriteAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken) => CallAsync(
        what,
        () =>
        {
            if (!_world.InjectOutage(Fault.DiskFull)) return effect();
            throw new IOException("The disk is full.");
        },
        cancellationToken,
        isWrite: true);

    private async ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken, bool isWrite = false)
    {
        Func<T>? result = null;
        await _process.CallAsync(what, Act, NextCall(), cancellationToken).ConfigureAwait(false);
        return result!();

        // What a process that ended meanwhile had asked for no longer happens.
        bool Act()
        {
            if (!_process.IsAlive) return false;
            var crashes = isWrite && _world.Inject(Fault.LossAtRun);
            if (crashes && _world.Random.Chance(0.5)) return Crash();
            result = PortResult.Of(effect);
            _folder.Changed();
            return crashes ? Crash() : true;
        }

        bool Crash()
        {
            _world.Trace.Write(_process.Name, $"ends while it shall {what}");
            _process.Crash(_world.Plan.RestartTime);
            return false;
        }
    }

    // A call that fails has had no effect: the last thing that it does is to rename or to delete a file.
    private CallBehavior NextCall() => _world.Inject(Fault.StoreResponseLost)
        ? new CallBehavior(_world.ShortDelay(), _world.ShortDelay(), IsLost: true, static () => new IOException("The file cannot be opened."))
        : new CallBehavior(_world.ShortDelay(), _world.ShortDelay());
}

/// <summary>
/// The folder with the runs of the local host, and what must be in it after a restart. The folder is synced after a run is written, but not after a
/// file is deleted or a plan is saved: a power loss brings back files that were deleted a moment before.
/// </summary>
internal sealed class LocalResyncFolder(World world, string path)
{
    /// <summary>Time after which file systems have written their folders to the disk.</summary>
    private static readonly TimeSpan MaxUnsynced = TimeSpan.FromSeconds(5);

    private readonly SortedDictionary<string, List<Version>> _files = new(StringComparer.Ordinal);

    public string Path => path;

    /// <summary>The runs of a source as they are stored.</summary>
    public static byte[] Bytes(ResyncHistory history) => JsonSerializer.SerializeToUtf8Bytes(history, ResyncStoreJson.Default.ResyncHistory);

    /// <summary>A process may have changed files.</summary>
    public void Changed()
    {
        var found = Read();
        foreach (var name in found.Keys) _files.TryAdd(name, [new Version(TimeSpan.MinValue, null)]);
        foreach (var (name, versions) in _files)
        {
            var content = found.GetValueOrDefault(name);
            if (versions[^1].Is(content)) continue;
            DropSynced(versions);
            versions.Add(new Version(world.Time.Elapsed, content));
        }
    }

    /// <summary>The folder is synced: a power loss brings back nothing of before.</summary>
    public void Synced()
    {
        Changed();
        foreach (var versions in _files.Values) versions.RemoveRange(0, versions.Count - 1);
    }

    /// <summary>The process ends without warning, perhaps while it writes a file.</summary>
    public void End(bool losesPower)
    {
        if (losesPower) LosePower();
        foreach (var versions in _files.Values) versions.RemoveRange(0, versions.Count - 1);
        if (_files.Count == 0 || !world.Random.Chance(0.3)) return;
        var (name, current) = _files.ElementAt(world.Random.Next(_files.Count));
        var content = current[^1].Content ?? [];
        File.WriteAllBytes(PathOf(name) + ".draft", content[..world.Random.Next(content.Length + 1)]);
    }

    /// <summary>Checks what a process finds: all that was left, except for unfinished files and plans that no run needs.</summary>
    public void CheckOpened(IReadOnlyList<ResyncHistory> histories)
    {
        var found = Read();
        var needed = histories.SelectMany(history => new[] { history.InProgress()?.PlanId, history.AbsentPlanId })
            .Where(planId => planId is not null)
            .Select(planId => $"{planId}.plan")
            .ToHashSet(StringComparer.Ordinal);
        foreach (var (name, versions) in _files)
        {
            var isKept = needed.Contains(name) || name.EndsWith(".json", StringComparison.Ordinal);
            var expected = isKept ? versions[^1].Content : null;
            if (!new Version(default, expected).Is(found.GetValueOrDefault(name))) Report($"{name} is not what was left before the restart");
        }

        foreach (var name in found.Keys.Where(name => !_files.ContainsKey(name))) Report($"{name} is left after a restart");
        var left = _files.Count(file => file.Key.EndsWith(".json", StringComparison.Ordinal) && file.Value[^1].Content is not null);
        if (histories.Count != left) Report($"{histories.Count} sources have runs after a restart instead of {left}");
        _files.Clear();
        foreach (var (name, content) in found) _files.Add(name, [new Version(TimeSpan.MinValue, content)]);
        var plans = found.Where(file => file.Key.EndsWith(".plan", StringComparison.Ordinal))
            .ToDictionary(file => System.IO.Path.GetFileNameWithoutExtension(file.Key), file => file.Value, StringComparer.Ordinal);
        world.Resyncs.Restore(histories, plans);
        world.Invariants.Resyncs.Restored(histories);
        world.PlanFiles.Clear();
    }

    private void LosePower()
    {
        var share = world.Random.Pick(0.0, 0.5, 1.0);
        foreach (var (name, versions) in _files)
        {
            DropSynced(versions);
            if (versions.Count == 1 || !world.Random.Chance(share)) continue;
            var left = versions[world.Random.Next(versions.Count - 1)];
            world.Trace.Write("folder", $"loses {versions.Count - 1 - versions.IndexOf(left)} changes of {name}");
            world.Faults.Add(Fault.FileUndone);
            if (name.EndsWith(".json", StringComparison.Ordinal)) Report($"a power loss takes back what was written to {name}");
            versions.Add(left);
            if (left.Content is { } content) File.WriteAllBytes(PathOf(name), content);
            else File.Delete(PathOf(name));
        }
    }

    private void DropSynced(List<Version> versions)
    {
        while (versions.Count > 1 && versions[1].At <= world.Time.Elapsed - MaxUnsynced) versions.RemoveAt(0);
    }

    private Dictionary<string, byte[]> Read() => !Directory.Exists(path)
        ? []
        : Directory.GetFiles(path).ToDictionary(file => System.IO.Path.GetFileName(file), File.ReadAllBytes, StringComparer.Ordinal);

    private string PathOf(string name) => System.IO.Path.Combine(path, name);

    private void Report(string text) => world.Invariants.Report(Invariant.RunsAreKept, text);

    /// <param name="At">When it was written.</param>
    /// <param name="Content">Null if there was no file.</param>
    private sealed record Version(TimeSpan At, byte[]? Content)
    {
        public bool Is(byte[]? content) => Content is null ? content is null : content is not null && Content.AsSpan().SequenceEqual(content);
    }
}
