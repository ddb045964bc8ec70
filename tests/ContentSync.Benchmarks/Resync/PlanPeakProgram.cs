using System.Diagnostics;
using System.Globalization;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Resync.Planning;

namespace ContentSync.Benchmarks.Resync;

/// <summary>Plans a generated catalog in a process of its own and prints that process's peak of resident memory, in MiB.</summary>
internal static class PlanPeakProgram
{
    /// <param name="items">Number of items in the catalog.</param>
    public static async Task<int> RunAsync(long items)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-benchmark-").FullName;
        try
        {
            var options = new ContentOptions();
            var catalog = new CatalogText(items);
            var planner = new CatalogPlanner(
                new CatalogReader(new ContentReader(options, TimeProvider.System), options),
                catalog,
                new FolderPlanFiles(folder),
                TimeProvider.System);
            var plan = (await planner.PlanAsync(catalog, CancellationToken.None).ConfigureAwait(false)).Plan!;
            await using var _ = plan.ConfigureAwait(false);
            if (plan.Counts.Unchanged != items)
                throw new InvalidOperationException($"{plan.Counts.Unchanged} of {items} items were found unchanged.");
            using var self = Process.GetCurrentProcess();
            Console.Out.WriteLine((self.PeakWorkingSet64 / 1024.0 / 1024.0).ToString("0.0", CultureInfo.InvariantCulture));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Runs it in another process.</summary>
    public static async Task<double> MeasureAsync(long items)
    {
        var output = await OwnProgram.RunAsync(string.Create(CultureInfo.InvariantCulture, $"plan-peak {items}")).ConfigureAwait(false);
        return double.Parse(output, CultureInfo.InvariantCulture);
    }
}
