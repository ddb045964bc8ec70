using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// Plans a generated catalog as an instance in the cloud does: in steps, against a ledger that is read by partition, with the files of the
/// plan elsewhere and the temporary folder on a file system of 64 MiB. Each step is a planner of its own, as if by another instance. Prints
/// what it took.
/// </summary>
internal static class PlanStepsProgram
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    /// <param name="items">Number of items in the catalog and in the ledger.</param>
    /// <param name="store">Folder that stands for the container with the plan's files.</param>
    public static async Task<int> RunAsync(long items, string store)
    {
        var temporary = new DriveInfo(Path.GetTempPath());
        var free = temporary.AvailableFreeSpace;
        var least = free;
        using var watch = new Timer(_ => least = Math.Min(least, temporary.AvailableFreeSpace), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(20));
        var options = new ContentOptions();
        var catalog = new CatalogText(items);
        var files = new FolderPlanFiles(store);
        var (steps, longest) = (0, TimeSpan.Zero);
        var began = Stopwatch.GetTimestamp();
        PlanResult result;
        do
        {
            var stepBegan = Stopwatch.GetTimestamp();
            var reader = new CatalogReader(new ContentReader(options, TimeProvider.System), options);
            var request = new PlanRequest { Source = "catalog", RunId = "run", IsSpent = () => Stopwatch.GetElapsedTime(stepBegan) > Budget };
            result = await new CatalogPlanner(reader, new PartitionedText(catalog, items), files, TimeProvider.System)
                .PlanAsync(catalog, request, CancellationToken.None)
                .ConfigureAwait(false);
            steps++;
            longest = Stopwatch.GetElapsedTime(stepBegan) is var took && took > longest ? took : longest;
        }
        while (result.Unfinished is not null);

        var elapsed = Stopwatch.GetElapsedTime(began);
        if (result.Plan!.Counts.Unchanged != items)
            throw new InvalidOperationException($"{result.Plan.Counts.Unchanged} of {items} items were found unchanged.");
        var stored = Directory.EnumerateFiles(store, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        await result.Plan.DisposeAsync().ConfigureAwait(false);
        using var self = Process.GetCurrentProcess();
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{items:N0} items: {steps} steps, {elapsed.TotalSeconds:0} s, longest step {longest.TotalSeconds:0.0} s; temporary disk "
            + $"{temporary.TotalSize / 1048576.0:0} MiB, used {(free - least) / 1048576.0:0.0} MiB; "
            + $"files {(double)stored / items:0.0} bytes per item; "
            + $"peak memory {self.PeakWorkingSet64 / 1048576.0:0} MiB"));
        return 0;
    }

    /// <summary>The ledger in 256 partitions, by the number in a contentId.</summary>
    private sealed class PartitionedText(CatalogText ledger, long items) : IPartitionedLedgerScan
    {
        public IAsyncEnumerable<ScannedItem> ReadAsync(CancellationToken cancellationToken) => ledger.ReadAsync(cancellationToken);

        public byte PartitionOf(ReadOnlySpan<char> contentId) => (byte)long.Parse(contentId[4..], CultureInfo.InvariantCulture);

        public async IAsyncEnumerable<ScannedItem> ReadPartitionAsync(int partition, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            for (var i = (long)partition; i < items; i += IPartitionedLedgerScan.Partitions) yield return ledger.Item(i);
        }
    }
}
