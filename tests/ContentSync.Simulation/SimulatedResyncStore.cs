using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>What is remembered of resyncs: histories and plans as bytes, and what the lanes have counted. Never loses what it took.</summary>
internal sealed class SimulatedResyncStore(World world)
{
    private readonly Dictionary<string, byte[]> _histories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _plans = new(StringComparer.Ordinal);
    private readonly Dictionary<(string RunId, int Lane), LaneProgress> _lanes = [];

    /// <summary>Whether a run is under way.</summary>
    public bool IsBusy { get; private set; }

    public ResyncHistory? Find(string source) => _histories.TryGetValue(source, out var bytes) ? Read(bytes) : null;

    public IReadOnlyList<ResyncHistory> List() => [.. _histories.Values.Select(Read)];

    public ResyncHistory? Write(ResyncHistory history)
    {
        var old = Find(history.Source);
        if (old?.Version != history.Version)
        {
            world.Faults.Add(Fault.StoreConflict);
            return null;
        }

        var next = history with { Version = (int.Parse(old?.Version ?? "0", CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture) };
        _histories[history.Source] = JsonSerializer.SerializeToUtf8Bytes(next, ResyncStoreJson.Default.ResyncHistory);
        IsBusy = List().Any(kept => kept.InProgress() is not null);
        return next;
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
        var standing = _lanes.GetValueOrDefault((pack.RunId, pack.Lane)) ?? new LaneProgress { RunId = pack.RunId, Lane = pack.Lane };
        if (standing.With(pack.Number, counts) is not { } next) return false;
        _lanes[(pack.RunId, pack.Lane)] = next;
        return true;
    }

    public IReadOnlyList<LaneProgress> Lanes(string runId) => [.. _lanes.Where(lane => lane.Key.RunId == runId).Select(lane => lane.Value)];

    public bool Forget(string runId)
    {
        foreach (var key in _lanes.Keys.Where(key => key.RunId == runId).ToArray()) _lanes.Remove(key);
        return true;
    }

    private static ResyncHistory Read(byte[] bytes) => JsonSerializer.Deserialize(bytes, ResyncStoreJson.Default.ResyncHistory)!;
}

/// <summary>The store of runs, and the book of the lanes, as a process sees them.</summary>
internal sealed class ResyncStorePort(SimulatedProcess process, World world) : IResyncStore, ILaneProgressStore
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
            world.Trace.Write(process.Name, $"{(written is null ? "does not write" : "writes")} run {history.Runs[0].RunId[..6]} {history.Runs[0].State} page {history.Runs[0].Pages} of {history.Runs[0].Counts.Planned}: {history.Runs[0].Counts.Done} done");
            if (written is not null) world.Judge.Bulk.Written(process.Name, written);
            return written;
        },
        cancellationToken);

    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream();
        await plan.SaveAsync(stream, cancellationToken).ConfigureAwait(false);
        var vanished = plan.Named().ToList();
        await CallAsync(
            "save plan",
            () =>
            {
                world.Judge.Bulk.PlanSaved(planId, vanished);
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
        foreach (var standing in await CallAsync("list lanes", () => _store.Lanes(runId), cancellationToken).ConfigureAwait(false)) yield return standing;
    }

    public async ValueTask DeleteAsync(string runId, CancellationToken cancellationToken) =>
        await CallAsync("forget lanes", () => _store.Forget(runId), cancellationToken).ConfigureAwait(false);

    private ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken) =>
        process.CallAsync(what, effect, StoragePort.Go(world), cancellationToken);
}
