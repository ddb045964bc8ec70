using System.Diagnostics;
using System.Globalization;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Resync.Planning;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// Maps a generated CSV export with twelve fields, and plans it and the same catalog in our own form against an empty ledger. Prints the
/// rows mapped per second, the peak memory, and the time of the mapped plan over that of the other, each time the shortest of three.
/// </summary>
internal static class MappedTimeProgram
{
    private const int Rounds = 3;

    private const string Mapping = """
        {
          "format": "csv",
          "contentId": "{{ id }}",
          "contentType": "SKU",
          "contentStatus": [{ "when": "availability == 'out of stock'", "status": 0 }],
          "fields": {
            "name": { "value": "{{ title | entities | squeeze }}", "required": true, "maxLength": 120, "tooLong": "truncate", "locale": "en" },
            "description": { "value": "{{ description | html_text }}" },
            "url": { "source": "link", "type": "url" },
            "image": { "value": "{{ image_link | absolute_url }}", "type": "url" },
            "price": { "source": "price", "type": "money", "unit": "cents", "currency": "HKD", "required": true },
            "brand": { "source": "brand" },
            "gtin": { "source": "gtin" },
            "category": { "value": "{{ product_type | split: '>' | last | strip }}" },
            "colour": { "source": "color", "default": "none" },
            "size": { "source": "size" },
            "stock": { "source": "stock", "type": "integer", "default": 0 },
            "condition": { "value": "{{ condition | downcase | choose: 'new', 'N', 'U' }}" }
          }
        }
        """;

    public static async Task<int> RunAsync(long rows)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-mapped-time-").FullName;
        try
        {
            var (csv, own) = (Path.Combine(folder, "export.csv"), Path.Combine(folder, "catalog.ndjson"));
            await WriteAsync(csv, rows).ConfigureAwait(false);
            var mapping = await MappingFile
                .LoadAsync("export.mapping.json", new MemoryStream(Encoding.UTF8.GetBytes(Mapping)), NoTables, CancellationToken.None)
                .ConfigureAwait(false);
            var options = new ContentOptions();
            var reader = new CatalogReader(new ContentReader(options, TimeProvider.System), options);

            var mapped = await ShortestAsync(async () =>
            {
                var stream = MappedSnapshot.Open(File.OpenRead(csv), mapping, new MappingTally());
                await using var closing = stream.ConfigureAwait(false);
                var items = 0L;
                await foreach (var entry in reader.ReadAsync(stream, CancellationToken.None).ConfigureAwait(false)) items += entry.Result.Item is null ? 0 : 1;
                if (items != rows) throw new InvalidOperationException($"{items} of {rows} rows became items.");
            }).ConfigureAwait(false);
            using var self = Process.GetCurrentProcess();
            var peak = self.PeakWorkingSet64;
            await WriteOwnFormAsync(csv, own, mapping, reader).ConfigureAwait(false);
            var feed = (await new FileCatalogSource(csv).FindNewestAsync(CancellationToken.None).ConfigureAwait(false))!;
            var catalog = (await new FileCatalogSource(own).FindNewestAsync(CancellationToken.None).ConfigureAwait(false))!;
            var planner = new CatalogPlanner(reader, new EmptyLedger(), new FolderPlanFiles(Path.Combine(folder, "plans")), TimeProvider.System);
            var mappedPlan = await ShortestAsync(() => PlanAsync(planner, new MappedSnapshot(feed, mapping, new MappingTally()), rows))
                .ConfigureAwait(false);
            var ownPlan = await ShortestAsync(() => PlanAsync(planner, catalog, rows)).ConfigureAwait(false);
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"mappedRowsPerSecond {rows / mapped:0}; peak memory {peak / 1048576.0:0} MiB; mappedOverNdjson {mappedPlan / ownPlan:0.00} "
                + $"({mappedPlan:0.00} s over {ownPlan:0.00} s)"));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ValueTask<Stream?> NoTables(string path, CancellationToken cancellationToken) => ValueTask.FromResult<Stream?>(null);

    private static async Task<double> ShortestAsync(Func<Task> work)
    {
        var shortest = double.PositiveInfinity;
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            await work().ConfigureAwait(false);
            shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        return shortest;
    }

    private static async Task PlanAsync(CatalogPlanner planner, ICatalogSnapshot snapshot, long rows)
    {
        var result = await planner.PlanAsync(snapshot, CancellationToken.None).ConfigureAwait(false);
        var plan = result.Plan ?? throw new InvalidOperationException(result.Fault?.Message);
        await using var closing = plan.ConfigureAwait(false);
        if (plan.Counts.New != rows) throw new InvalidOperationException($"{plan.Counts.New} of {rows} rows are new.");
    }

    private static async Task WriteAsync(string path, long rows)
    {
        using var file = new StreamWriter(path);
        await file
            .WriteLineAsync("id,title,description,link,image_link,price,brand,gtin,product_type,color,size,stock,condition,availability")
            .ConfigureAwait(false);
        for (var i = 0L; i < rows; i++)
        {
            await file
                .WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"SKU-{i:d9},Hand-made  cookies &amp; tea {i},\"<p>Baked daily, <b>crisp</b>.</p>\",https://shop.example/p/{i},"
                    + $"//cdn.shop.example/{i}.jpg,{i % 900 + 10}.50 HKD,Harbour,48900{i:d8},Food > Biscuits > Cookies,,M,{i % 40},New,"
                    + $"{(i % 10 == 0 ? "out of stock" : "in stock")}"))
                .ConfigureAwait(false);
        }
    }

    private static async Task WriteOwnFormAsync(string csv, string own, CatalogMapping mapping, CatalogReader reader)
    {
        var stream = MappedSnapshot.Open(File.OpenRead(csv), mapping, new MappingTally());
        await using var closing = stream.ConfigureAwait(false);
        using var file = new StreamWriter(own);
        await foreach (var entry in reader.ReadAsync(stream, CancellationToken.None).ConfigureAwait(false))
        {
            var item = entry.Result.Item!;
            await file
                .WriteLineAsync(
                    $$"""{"contentId":"{{item.ContentId}}","contentType":"SKU","contentStatus":{{(int)item.ContentStatus}},"contentInfo":"""
                    + Encoding.UTF8.GetString(item.ContentInfo.Span) + "}")
                .ConfigureAwait(false);
        }
    }

    private sealed class EmptyLedger : ILedgerScan
    {
        public async IAsyncEnumerable<ScannedItem> ReadAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask.ConfigureAwait(false);
            yield break;
        }
    }
}
