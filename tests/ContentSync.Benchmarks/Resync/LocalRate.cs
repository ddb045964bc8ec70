using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// How much of the rate that is left to bulk traffic (four fifths of <c>--rate</c>) a resync on one machine uses: <c>resync --json</c> in a
/// process of its own, against the simulated AlipayHK, for about a minute and a half each. The time from the run's start to its end counts.
/// </summary>
internal static class LocalRate
{
    private const double BulkShare = 0.8;
    private const int Seconds = 90;

    public static async Task AddAsync(SortedDictionary<string, double> figures)
    {
        var lowest = double.PositiveInfinity;
        foreach (var rate in (int[])[20, 50, 150])
        {
            var share = await MeasureAsync(rate).ConfigureAwait(false) / (BulkShare * rate);
            figures[$"localResyncShareOfRate{rate}"] = share;
            lowest = Math.Min(lowest, share);
        }

        figures["localResyncShareOfRate"] = lowest;
    }

    /// <returns>Items per second, from the run's start to its end.</returns>
    private static async Task<double> MeasureAsync(int rate)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-local-rate-").FullName;
        try
        {
            var catalog = Path.Combine(folder, "catalog.ndjson");
            var items = (int)(BulkShare * rate * Seconds);
            await File.WriteAllLinesAsync(catalog, Enumerable.Range(0, items).Select(i => string.Create(
                CultureInfo.InvariantCulture,
                $$$"""{"contentId":"SKU-{{{i}}}","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"Tea {{{i}}}"}}""")))
                .ConfigureAwait(false);
            string[] arguments =
            [
                Path.Combine(AppContext.BaseDirectory, "contentsync-local.dll"), "resync", "--source", catalog, "--json",
                "--rate", rate.ToString(CultureInfo.InvariantCulture), "--data", Path.Combine(folder, "data"),
            ];
            var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            var notes = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
            await process.WaitForExitAsync().ConfigureAwait(false);
            var said = await notes.ConfigureAwait(false);
            if (process.ExitCode != 0) throw new InvalidOperationException($"resync ended with {process.ExitCode}: {said}");
            using var summary = JsonDocument.Parse(output);
            return summary.RootElement.GetProperty("rate").GetDouble();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
