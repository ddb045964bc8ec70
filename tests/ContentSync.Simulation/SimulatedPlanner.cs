using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>
/// The real planner. It uses its own threads, so the process first reads everything through its ports, and the simulation blocks until the
/// planner ends.
/// </summary>
internal sealed class PlannerPort(
    World world, SimulatedProcess process, ILedgerScan ledger, CatalogReader reader, TimeProvider time) : ICatalogPlanner
{
    // A call that ends early, or fails, does so soon: catalogs are small.
    private const int MaxSteps = 4;

    public async Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanRequest request, CancellationToken cancellationToken)
    {
        var bytes = new MemoryStream();
        var declared = (DeclaredSnapshot)snapshot;
        var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false)) await stream.CopyToAsync(bytes, cancellationToken).ConfigureAwait(false);
        bytes.Position = 0;
        var items = new List<ScannedItem>();
        await foreach (var item in ledger.ReadAsync(cancellationToken).ConfigureAwait(false)) items.Add(item);
        var isIntact = await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false);

        // A later step uses the copy of the ledger that the first one made, however old it is.
        var files = world.PlanFiles;
        var scanned = files.Scanned(request.RunId!, declared, items);
        var source = new ReadSnapshot(declared, bytes, isIntact);
        var read = new DeclaredSnapshot(source, declared.Declared, declared.OverridesNewer);
        var planner = new CatalogPlanner(reader, new ReadLedger(scanned), files, time);
        request = request with { IsSpent = NextEnd(files) };
        PlanResult result;
        try
        {
            result = Task.Run(() => planner.PlanAsync(read, request, CancellationToken.None), CancellationToken.None).GetAwaiter().GetResult();
        }
        finally
        {
            files.FailsAt = null;
        }

        if (result.Unfinished is { } unfinished)
        {
            world.Trace.Write(process.Name, $"ends a step of the plan: {unfinished}");
            return result;
        }

        var plan = result.Plan is { } made ? await InMemoryAsync(made).ConfigureAwait(false) : null;
        var vanished = plan is null ? [] : await plan.NamedAsync(CancellationToken.None).ToListAsync(CancellationToken.None).ConfigureAwait(false);
        world.Invariants.Resyncs.Planned(process.Name, declared, scanned, result, vanished, isIntact || !source.IsOpened);
        return result with { Plan = plan };
    }

    // Draws how many times the planner may go on, and which of its files cannot be written.
    private Func<bool>? NextEnd(SimulatedPlanFiles files)
    {
        if (world.Plan.Bulk is not { IsPlannedInSteps: true }) return null;
        files.FailsAt = world.Draw(Fault.PlanFileLost) ? world.Random.Next(MaxSteps) : null;
        if (files.FailsAt is not null) world.Faults.Add(Fault.PlanFileLost);
        var steps = world.Random.Chance(0.5) ? world.Random.Next(MaxSteps) : int.MaxValue;
        return () => steps-- <= 0;
    }

    // A simulated crash runs no code that could delete files.
    private static async Task<CatalogPlan> InMemoryAsync(CatalogPlan plan)
    {
        using var bytes = new MemoryStream();
        await plan.SaveAsync(bytes, CancellationToken.None).ConfigureAwait(false);
        await plan.DisposeAsync().ConfigureAwait(false);
        bytes.Position = 0;
        return await CatalogPlan.LoadAsync(bytes, CancellationToken.None).ConfigureAwait(false);
    }

    private sealed class ReadSnapshot(ICatalogSnapshot snapshot, Stream bytes, bool isIntact) : ICatalogSnapshot
    {
        /// <summary>Whether it was read in this step. Once it is read as a whole, it may be replaced.</summary>
        public bool IsOpened { get; private set; }

        public string Name => snapshot.Name;

        public string Digest => snapshot.Digest;

        public DateTimeOffset WrittenAt => snapshot.WrittenAt;

        public DateTimeOffset AsOf => snapshot.AsOf;

        public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
        {
            IsOpened = true;
            return ValueTask.FromResult(bytes);
        }

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => ValueTask.FromResult(isIntact);
    }

    private sealed class ReadLedger(IReadOnlyList<ScannedItem> items) : ILedgerScan
    {
        public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask.ConfigureAwait(false);
            foreach (var item in items) yield return item;
        }
    }
}

/// <summary>The files of plans. They survive the processes. Thread-safe, because the planner uses its own threads.</summary>
internal sealed class SimulatedPlanFiles : IPlanFiles
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ImmutableDictionary<string, byte[]>> _plans = new(StringComparer.Ordinal);
    private readonly Dictionary<(string RunId, string Digest, bool IsRollback), IReadOnlyList<ScannedItem>> _scanned = [];

    /// <summary>
    /// Number of the next files that can be written; null for no limit. Files of the ledger's copy are not counted: they are written at the
    /// same time as others.
    /// </summary>
    public int? FailsAt { get; set; }

    /// <summary>The items of the ledger with which a run's plan was begun.</summary>
    public IReadOnlyList<ScannedItem> Scanned(string runId, ICatalogSnapshot snapshot, IReadOnlyList<ScannedItem> now)
    {
        var key = (runId, snapshot.Digest, snapshot.OverridesNewer);
        if (_scanned.TryGetValue(key, out var begun)) return begun;
        _scanned.Add(key, now);
        return now;
    }

    /// <summary>A process of the local host begins without the files of the one before it.</summary>
    public void Clear()
    {
        lock (_lock) _plans.Clear();
        _scanned.Clear();
    }

    public ValueTask<IReadOnlyList<string>> FindAsync(string prefix, CancellationToken cancellationToken)
    {
        lock (_lock) return new([.. _plans.Keys.Where(plan => plan.StartsWith(prefix, StringComparison.Ordinal))]);
    }

    public ValueTask<IReadOnlySet<string>> ListAsync(string plan, CancellationToken cancellationToken) =>
        new(Files(plan).Keys.ToHashSet(StringComparer.Ordinal));

    public async ValueTask WriteAsync(
        string plan, string name, IAsyncEnumerable<ReadOnlyMemory<byte>> content, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await foreach (var part in content.WithCancellation(cancellationToken).ConfigureAwait(false)) bytes.Write(part.Span);
        var isCounted = !name.StartsWith("ledger", StringComparison.Ordinal);
        if (isCounted && FailsAt-- == 0) throw new PlanStorageException("The storage does not respond.");
        lock (_lock)
        {
            var files = Files(plan);
            if (!files.ContainsKey(name)) _plans[plan] = files.Add(name, bytes.ToArray());
        }
    }

    public ValueTask<long> LengthAsync(string plan, string name, CancellationToken cancellationToken) => new(Find(plan, name).Length);

    public ValueTask<int> ReadAsync(string plan, string name, long offset, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var rest = Find(plan, name).AsMemory((int)offset);
        var read = Math.Min(rest.Length, buffer.Length);
        rest[..read].CopyTo(buffer);
        return new(read);
    }

    public ValueTask DeleteAsync(string plan, CancellationToken cancellationToken)
    {
        lock (_lock) _plans.Remove(plan);
        return ValueTask.CompletedTask;
    }

    private ImmutableDictionary<string, byte[]> Files(string plan)
    {
        lock (_lock) return _plans.GetValueOrDefault(plan) ?? ImmutableDictionary.Create<string, byte[]>(StringComparer.Ordinal);
    }

    private byte[] Find(string plan, string name) =>
        Files(plan).GetValueOrDefault(name) ?? throw new PlanStorageException($"There is no file {name}.");
}
