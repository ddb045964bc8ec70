using System.Diagnostics;
using System.Globalization;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Resync.Planning;

namespace ContentSync.Benchmarks.Resync;

/// <summary>Plans a catalog in a file against a generated ledger that is in sync with it, and prints the shortest of five times.</summary>
internal static class PlanTimeProgram
{
    private const int Rounds = 5;

    public static async Task<int> RunAsync(long items)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-plan-time-").FullName;
        try
        {
            var generated = new CatalogText(items);
            var path = Path.Combine(folder, "catalog.ndjson");
            using (var source = await generated.OpenAsync(CancellationToken.None).ConfigureAwait(false))
            using (var file = File.Create(path))
                await source.CopyToAsync(file).ConfigureAwait(false);
            var snapshot = (await new FileCatalogSource(path).FindNewestAsync(CancellationToken.None).ConfigureAwait(false))!;
            var options = new ContentOptions();
            var planner = new CatalogPlanner(
                new CatalogReader(new ContentReader(options, TimeProvider.System), options),
                generated,
                new FolderPlanFiles(Path.Combine(folder, "plans")),
                TimeProvider.System);
            var shortest = double.PositiveInfinity;
            for (var round = 0; round < Rounds; round++)
            {
                var began = Stopwatch.GetTimestamp();
                var plan = (await planner.PlanAsync(snapshot, CancellationToken.None).ConfigureAwait(false)).Plan!;
                await using var _ = plan.ConfigureAwait(false);
                shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(began).TotalSeconds);
                if (plan.Counts.Unchanged != items)
                    throw new InvalidOperationException($"{plan.Counts.Unchanged} of {items} items were found unchanged.");
            }

            Console.Out.WriteLine(shortest.ToString("0.00", CultureInfo.InvariantCulture));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
