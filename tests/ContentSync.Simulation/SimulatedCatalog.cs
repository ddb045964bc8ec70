using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>The file with the whole catalog. Exports replace it.</summary>
internal sealed class SimulatedCatalog
{
    /// <summary>The newest export; null before the first one.</summary>
    public ExportedFile? Newest { get; private set; }

    /// <summary>Replaces the file.</summary>
    public ExportedFile Write(IReadOnlyList<SubmittedItem> items, bool isTruncated, DateTimeOffset at)
    {
        var text = string.Concat(items.Select(item => item.ToJson() + "\n"));
        var bytes = Encoding.UTF8.GetBytes(isTruncated ? text[..^20] : text);
        var digest = Convert.ToHexStringLower(SHA256.HashData([.. bytes, .. BitConverter.GetBytes(at.UtcTicks)]));
        return Newest = new ExportedFile(items, isTruncated, bytes, digest, at);
    }

    /// <param name="Items">Lines of the file.</param>
    /// <param name="IsTruncated">The last line is incomplete.</param>
    /// <param name="Bytes">Content of the file.</param>
    /// <param name="Digest">Hash of the content and the time.</param>
    /// <param name="At">When it was written.</param>
    internal sealed record ExportedFile(IReadOnlyList<SubmittedItem> Items, bool IsTruncated, byte[] Bytes, string Digest, DateTimeOffset At);
}

/// <summary>The catalog, as seen by a process.</summary>
internal sealed class CatalogPort(SimulatedProcess process, World world) : ICatalogSource
{
    public string Name => "catalog";

    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
        await CallAsync("find catalog", () => world.Catalog.Newest, cancellationToken).ConfigureAwait(false) is { } newest
            ? new Snapshot(this, newest)
            : null;

    private ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken) =>
        process.CallAsync(what, effect, StoragePort.NextCall(world), cancellationToken);

    private sealed class Snapshot(CatalogPort port, SimulatedCatalog.ExportedFile file) : ICatalogSnapshot
    {
        public string Name => "catalog.ndjson";

        public string Digest => file.Digest;

        public DateTimeOffset WrittenAt => file.At;

        public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) =>
            await port.CallAsync("open catalog", () => new MemoryStream(file.Bytes), cancellationToken).ConfigureAwait(false);

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) =>
            port.CallAsync("check catalog", () => port.IsNewest(file), cancellationToken);
    }

    private bool IsNewest(SimulatedCatalog.ExportedFile file) => world.Catalog.Newest == file;
}

/// <summary>Faults of the file storage.</summary>
internal static class StoragePort
{
    public static CallBehavior NextCall(World world)
    {
        if (world.InjectOutage(Fault.StoreOutage)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), IsLost: true, Unavailable);
        if (world.Inject(Fault.StoreResponseLost)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), Fault: Unavailable);
        return new CallBehavior(world.ShortDelay(), world.ShortDelay());
    }

    private static IOException Unavailable() => new("The storage does not respond.");
}

/// <summary>
/// The real planner. It uses its own threads, so the process first reads everything through its ports, and the simulation blocks until the
/// planner is done.
/// </summary>
internal sealed class PlannerPort(
    World world, SimulatedProcess process, ILedgerScan ledger, CatalogReader reader, TimeProvider time) : ICatalogPlanner
{
    private static readonly string Folder = Path.Combine(Path.GetTempPath(), "contentsync-simulation");

    public async Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanRequest request, CancellationToken cancellationToken)
    {
        var bytes = new MemoryStream();
        var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false)) await stream.CopyToAsync(bytes, cancellationToken).ConfigureAwait(false);
        bytes.Position = 0;
        var items = new List<ScannedItem>();
        await foreach (var item in ledger.ReadAsync(cancellationToken).ConfigureAwait(false)) items.Add(item);
        var isIntact = await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false);
        var read = new ReadSnapshot(snapshot, bytes, isIntact);
        var planner = new CatalogPlanner(reader, new ReadLedger(items), new FolderPlanFiles(Folder), time);
        var result = Task.Run(() => planner.PlanAsync(read, CancellationToken.None), CancellationToken.None).GetAwaiter().GetResult();
        var plan = result.Plan is { } made ? await InMemoryAsync(made).ConfigureAwait(false) : null;
        var vanished = plan is null ? [] : await plan.NamedAsync(CancellationToken.None).ToListAsync(CancellationToken.None).ConfigureAwait(false);
        world.Invariants.Resyncs.Planned(process.Name, snapshot.Digest, items, result, vanished, isIntact);
        return result with { Plan = plan };
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
        public string Name => snapshot.Name;

        public string Digest => snapshot.Digest;

        public DateTimeOffset WrittenAt => snapshot.WrittenAt;

        public DateTimeOffset AsOf => snapshot.AsOf;

        public bool OverridesNewer => snapshot.OverridesNewer;

        public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult(bytes);

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
