using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>The file that holds the whole catalog, replaced from time to time.</summary>
internal sealed class SimulatedCatalog
{
    /// <summary>As it stands now; null before the first one.</summary>
    public Writing? Newest { get; private set; }

    /// <summary>An export replaces the file.</summary>
    public Writing Write(IReadOnlyList<SubmittedItem> items, bool isCut, DateTimeOffset at)
    {
        var text = string.Concat(items.Select(item => item.ToJson() + "\n"));
        var bytes = Encoding.UTF8.GetBytes(isCut ? text[..^20] : text);
        return Newest = new Writing(items, isCut, bytes, Convert.ToHexStringLower(SHA256.HashData([.. bytes, .. BitConverter.GetBytes(at.UtcTicks)])), at);
    }

    /// <param name="Items">Its lines.</param>
    /// <param name="IsCut">The last line is not whole.</param>
    /// <param name="Bytes">The file.</param>
    /// <param name="Digest">Of bytes and time.</param>
    /// <param name="At">When it was written.</param>
    internal sealed record Writing(IReadOnlyList<SubmittedItem> Items, bool IsCut, byte[] Bytes, string Digest, DateTimeOffset At);
}

/// <summary>The catalog as a process sees it.</summary>
internal sealed class CatalogPort(SimulatedProcess process, World world) : ICatalogSource
{
    public string Name => "catalog";

    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
        await process.CallAsync("find catalog", () => world.Catalog.Newest, StoragePort.Go(world), cancellationToken).ConfigureAwait(false) is { } newest ? new Snapshot(this, newest) : null;

    private ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken) =>
        process.CallAsync(what, effect, StoragePort.Go(world), cancellationToken);

    private sealed class Snapshot(CatalogPort port, SimulatedCatalog.Writing writing) : ICatalogSnapshot
    {
        public string Name => "catalog.ndjson";

        public string Digest => writing.Digest;

        public DateTimeOffset WrittenAt => writing.At;

        public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) =>
            await port.CallAsync("open catalog", () => new MemoryStream(writing.Bytes), cancellationToken).ConfigureAwait(false);

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) =>
            port.CallAsync("look at catalog", () => port.Holds(writing), cancellationToken);
    }

    private bool Holds(SimulatedCatalog.Writing writing) => world.Catalog.Newest == writing;
}

/// <summary>Faults of whatever holds files.</summary>
internal static class StoragePort
{
    public static Journey Go(World world)
    {
        if (world.Meets(Fault.StoreOutage)) return new Journey(world.Brief(), TimeSpan.FromSeconds(2), IsLost: true, Unavailable);
        if (world.Strikes(Fault.StoreAnswerLost)) return new Journey(world.Brief(), TimeSpan.FromSeconds(2), Fault: Unavailable);
        return new Journey(world.Brief(), world.Brief());
    }

    private static IOException Unavailable() => new("The storage does not answer.");
}

/// <summary>
/// The real planner. It reads and compares on threads of its own, so it is given what the process has read through its ports, and the
/// simulation stands still until it is done.
/// </summary>
internal sealed class PlannerPort(World world, SimulatedProcess process, ILedgerScan ledger, CatalogReader reader) : ICatalogPlanner
{
    private static readonly string Folder = Path.Combine(Path.GetTempPath(), "contentsync-simulation");

    public async Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken)
    {
        var bytes = (MemoryStream)await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
        var contents = new List<ScannedItem>();
        await foreach (var content in ledger.ReadAsync(cancellationToken).ConfigureAwait(false)) contents.Add(content);
        var isIntact = await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false);
        var read = new ReadSnapshot(snapshot, bytes, isIntact);
        var planner = new CatalogPlanner(reader, new ReadIndex(contents), Folder);
        var answer = Task.Run(() => planner.PlanAsync(read, CancellationToken.None), CancellationToken.None).GetAwaiter().GetResult();
        world.Judge.Bulk.Planned(process.Name, snapshot.Digest, contents, answer, isIntact);
        return answer;
    }

    private sealed class ReadSnapshot(ICatalogSnapshot snapshot, Stream bytes, bool isIntact) : ICatalogSnapshot
    {
        public string Name => snapshot.Name;

        public string Digest => snapshot.Digest;

        public DateTimeOffset WrittenAt => snapshot.WrittenAt;

        public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult(bytes);

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => ValueTask.FromResult(isIntact);
    }

    private sealed class ReadIndex(IReadOnlyList<ScannedItem> contents) : ILedgerScan
    {
        public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask.ConfigureAwait(false);
            foreach (var content in contents) yield return content;
        }
    }
}
