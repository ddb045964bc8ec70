using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>
/// Stores resyncs: histories and plans, and the progress of the lanes. It never loses a write. The local host has its own store; then this is
/// what that one must hold.
/// </summary>
internal sealed class SimulatedResyncStore(World world)
{
    private readonly Dictionary<string, ResyncHistory> _histories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _plans = new(StringComparer.Ordinal);
    private readonly Dictionary<(string RunId, int Lane), LaneProgress> _lanes = [];

    /// <summary>Whether a run is under way.</summary>
    public bool IsBusy { get; private set; }

    public ResyncHistory? Find(string source) => _histories.GetValueOrDefault(source);

    public IReadOnlyList<ResyncHistory> List() => [.. _histories.Values];

    public ResyncHistory? Write(ResyncHistory history)
    {
        var old = Find(history.Source);
        if (old?.Version != history.Version)
        {
            world.Faults.Add(Fault.StoreConflict);
            return null;
        }

        var version = int.Parse(old?.Version ?? "0", CultureInfo.InvariantCulture) + 1;
        var next = history with { Version = version.ToString(CultureInfo.InvariantCulture) };

        Put(next);
        return next;
    }

    /// <summary>Takes runs as the store of the local host has written them.</summary>
    public void Put(ResyncHistory written)
    {
        // A process sees what the next one would read, no more.
        _histories[written.Source] = Read(JsonSerializer.SerializeToUtf8Bytes(written, ResyncStoreJson.Default.ResyncHistory));
        IsBusy = List().Any(kept => kept.InProgress() is not null);
    }

    /// <summary>Notes that a process writes runs, or failed to.</summary>
    public void Trace(string process, ResyncHistory history, bool isWritten = true)
    {
        var run = history.Runs[0];
        var verb = isWritten ? "writes" : "fails to write";
        world.Trace.Write(process, $"{verb} run {run.RunId[..6]} {run.State} page {run.Pages}: {run.Counts.Done} of {run.Counts.Planned} items done");
    }

    /// <summary>Takes what a process finds in the files of the local host, which may be behind what the one before it wrote.</summary>
    public void Restore(IReadOnlyList<ResyncHistory> histories, IReadOnlyDictionary<string, byte[]> plans)
    {
        _histories.Clear();
        _plans.Clear();
        IsBusy = false;
        foreach (var history in histories) Put(history);
        foreach (var (planId, plan) in plans) _plans.Add(planId, plan);
    }

    public bool SavePlan(string planId, byte[] plan)
    {
        _plans[planId] = plan;
        return true;
    }

    public byte[]? Plan(string planId) => _plans.GetValueOrDefault(planId);

    public bool DeletePlan(string planId) => _plans.Remove(planId);

    public bool Count(ResyncPack pack, RunCounts counts)
    {
        var progress = _lanes.GetValueOrDefault((pack.RunId, pack.Lane)) ?? new LaneProgress { RunId = pack.RunId, Lane = pack.Lane };
        if (progress.With(pack.Number, counts) is not { } next) return false;
        _lanes[(pack.RunId, pack.Lane)] = next;
        return true;
    }

    public IReadOnlyList<LaneProgress> Lanes(string runId) => [.. _lanes.Where(lane => lane.Key.RunId == runId).Select(lane => lane.Value)];

    public bool DeleteLanes(string runId)
    {
        foreach (var key in _lanes.Keys.Where(key => key.RunId == runId).ToArray()) _lanes.Remove(key);
        return true;
    }

    private static ResyncHistory Read(byte[] bytes) => JsonSerializer.Deserialize(bytes, ResyncStoreJson.Default.ResyncHistory)!;
}

/// <summary>The store of runs and of the lanes' progress, as seen by a process.</summary>
internal sealed class ResyncStorePort(SimulatedProcess process, World world, StoreClock clock) : IResyncStore, ILaneProgressStore
{
    private readonly SimulatedResyncStore _store = world.Resyncs;

    public ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken) =>
        CallAsync("find runs", () => _store.Find(source), cancellationToken);

    public async IAsyncEnumerable<ResyncHistory> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var history in await CallAsync("list runs", _store.List, cancellationToken).ConfigureAwait(false)) yield return history;
    }

    public ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken) => CallAsync(
        "write run",
        () =>
        {
            var written = _store.Write(history);
            _store.Trace(process.Name, history, written is not null);
            if (written is not null) world.Invariants.Resyncs.Written(process.Name, written);
            return written;
        },
        cancellationToken);

    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream();
        await plan.SaveAsync(stream, cancellationToken).ConfigureAwait(false);
        var vanished = await plan.NamedAsync(cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false);
        await CallAsync(
            "save plan",
            () =>
            {
                world.Invariants.Resyncs.PlanSaved(planId, vanished);
                return _store.SavePlan(planId, stream.ToArray());
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken)
    {
        var bytes = await CallAsync("load plan", () => _store.Plan(planId), cancellationToken).ConfigureAwait(false);
        using var stream = new MemoryStream(bytes ?? throw new FileNotFoundException("There is no such plan.", planId));
        return await CatalogPlan.LoadAsync(stream, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken) =>
        await CallAsync("delete plan", () => _store.DeletePlan(planId), cancellationToken).ConfigureAwait(false);

    public ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken) =>
        CallAsync("count pack", () => _store.Count(pack, counts), cancellationToken);

    async IAsyncEnumerable<LaneProgress> ILaneProgressStore.ListAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var lanes = await CallAsync("list lanes", () => _store.Lanes(runId), cancellationToken).ConfigureAwait(false);
        foreach (var progress in lanes) yield return progress;
    }

    public async ValueTask DeleteAsync(string runId, CancellationToken cancellationToken) =>
        await CallAsync("delete lanes", () => _store.DeleteLanes(runId), cancellationToken).ConfigureAwait(false);

    private async ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken)
    {
        var sent = clock.GetTimestamp();
        var date = default(DateTimeOffset);
        var result = await process.CallAsync(what, Serve, StoragePort.NextCall(world), cancellationToken).ConfigureAwait(false);
        clock.Observe(date, sent);
        return result;

        T Serve()
        {
            date = world.Store.Date;
            return effect();
        }
    }
}
