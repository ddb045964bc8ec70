using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Local.CommandLine;

namespace ContentSync.Tests.Resync;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class ResyncCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Shows_the_plan_sends_the_differences_and_guards_against_mass_delisting()
    {
        Write(Enumerable.Range(0, 300));
        var (exitCode, result) = await ResyncAsync("--dry-run");
        Assert.Equal((0, "Planned", 300), (exitCode, result.GetProperty("state").GetString(), Plan(result, "new")));
        Assert.Empty(ItemsAtAlipayHk());

        (exitCode, result) = await ResyncAsync();
        Assert.Equal(
            (0, "Completed", 300, 0),
            (exitCode, result.GetProperty("state").GetString(), Run(result, "sent"), Member(result, "remaining")));
        Assert.Equal("HandledAlready", (await ResyncAsync()).Result.GetProperty("state").GetString());

        Write(Enumerable.Range(60, 240));
        (exitCode, result) = await ResyncAsync();
        Assert.Equal((3, "Stopped", 60), (exitCode, result.GetProperty("state").GetString(), Plan(result, "vanished")));
        Assert.All(ItemsAtAlipayHk().Values, status => Assert.Equal(1, status));

        (exitCode, result) = await ResyncAsync("--allow-delist", "0.2");
        Assert.Equal((0, "Completed", 60), (exitCode, result.GetProperty("state").GetString(), Run(result, "sent")));
        Assert.Equal((60, 240), (ItemsAtAlipayHk().Values.Count(status => status == 0), ItemsAtAlipayHk().Values.Count(status => status == 1)));
    }

    [Fact]
    public async Task Refuses_a_truncated_file_and_names_the_line()
    {
        Write(Enumerable.Range(0, 50));
        File.WriteAllText(Catalog, File.ReadAllText(Catalog)[..^20]);

        var (exitCode, result) = await ResyncAsync();

        Assert.Equal((2, "Refused", 50), (exitCode, result.GetProperty("state").GetString(), Member(result, "line")));
        Assert.Empty(ItemsAtAlipayHk());
    }

    [Fact]
    public async Task Continues_after_a_kill_and_its_counts_add_up()
    {
        Write(Enumerable.Range(0, 2_500));
        var journal = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        var random = new Random(3);
        for (var kill = 0; kill < 2; kill++)
        {
            var until = Length(journal) + random.Next(1, 60_000);
            using var process = CommandLineProcess.Start(_folder, "resync", "--source", Catalog);
            while (!process.HasExited && Length(journal) < until) await Task.Delay(5);
            process.Kill();
            await process.EndAsync();
        }

        var (exitCode, result) = await ResyncAsync();

        Assert.Equal((0, "Completed", 0), (exitCode, result.GetProperty("state").GetString(), Member(result, "remaining")));
        Assert.Equal(2_500, Run(result, "planned"));
        Assert.Equal(2_500, Run(result, "sent") + Run(result, "unchanged"));
        Assert.Equal(2_500, ItemsAtAlipayHk().Count);
    }

    [Fact]
    public async Task Retries_failing_items_on_their_own_until_they_are_synchronized()
    {
        Write(Enumerable.Range(0, 200));

        var (exitCode, result) = await ResyncAsync("--faults", "unknown=0.1");

        Assert.Equal((0, 200), (exitCode, Run(result, "sent") + Run(result, "failed")));
        Assert.Equal((0, 200), (Member(result, "retrying"), ItemsAtAlipayHk().Count));
    }

    [Fact]
    public async Task Rolls_back_only_when_told_to()
    {
        Write(Enumerable.Range(0, 40), "1");
        var old = File.ReadAllText(Catalog);
        await ResyncAsync();
        Write(Enumerable.Range(0, 40), "2");
        await ResyncAsync();
        File.WriteAllText(Catalog, old);
        File.SetLastWriteTimeUtc(Catalog, new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        var (exitCode, result) = await ResyncAsync();
        Assert.Equal((1, 40), (exitCode, Run(result, "superseded")));
        Assert.Contains("--override-newer", result.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("timeWritten", result.GetProperty("asOfSource").GetString(), ignoreCase: true);
        Assert.All(ContentAtAlipayHk().Values, content => Assert.Contains("2", content, StringComparison.Ordinal));

        (exitCode, result) = await ResyncAsync("--override-newer");
        Assert.Equal((0, 40), (exitCode, Run(result, "sent")));
        Assert.All(ContentAtAlipayHk().Values, content => Assert.Contains("1", content, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Refuses_unpacked_lines_behind_packed_ones_as_a_whole()
    {
        Write(Enumerable.Range(0, 100));
        await ResyncAsync();
        Write(Enumerable.Range(0, 95));
        var packed = Packed(File.ReadAllBytes(Catalog));
        Write(Enumerable.Range(95, 5));
        File.WriteAllBytes(Catalog, [.. packed, .. File.ReadAllBytes(Catalog)]);

        var (exitCode, result) = await ResyncAsync();
        Assert.Equal((2, "Refused"), (exitCode, result.GetProperty("state").GetString()));
        Assert.All(ItemsAtAlipayHk().Values, status => Assert.Equal(1, status));

        var (syncExit, _, error) = await CommandLineProcess.RunAsync(_folder, ["sync", Catalog]);
        Assert.Equal(2, syncExit);
        Assert.Contains("refused as a whole", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Counts_and_reports_parked_items_instead_of_calling_them_in_sync()
    {
        var risky = new HashSet<int> { 3, 17 };
        var lines = Enumerable.Range(0, 20).Select(id => Line(id, risky.Contains(id) ? """{"simulate":"risky"}""" : """{"n":1}"""));
        File.WriteAllText(Catalog, string.Concat(lines));
        await CommandLineProcess.RunAsync(_folder, ["sync", Catalog]);
        var report = Path.Combine(_folder, "report.ndjson");

        for (var round = 0; round < 2; round++)
        {
            var (exitCode, result) = await ResyncAsync("--report", report);

            Assert.Equal((1, 2), (exitCode, Member(result, "parked")));
            var open = result.GetProperty("open").EnumerateArray().Select(item => item.GetProperty("contentId").GetString());
            Assert.Equal(["00003", "00017"], open.Order(StringComparer.Ordinal));
            var reported = File.ReadLines(report).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("contentId").GetString());
            Assert.Equal(["00003", "00017"], reported.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task Is_not_done_before_the_items_that_a_killed_process_left_pending_are()
    {
        Write(Enumerable.Range(0, 400));
        var journal = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        string[] faults = ["--faults", "throttle=1:8s*1,latency=2ms", "--workers", "4"];
        using (var process = CommandLineProcess.Start(_folder, ["resync", "--source", Catalog, .. faults]))
        {
            while (!process.HasExited && Length(journal) < 12_000) await Task.Delay(5);
            process.Kill();
            await process.EndAsync();
        }

        var (exitCode, result) = await ResyncAsync("--wait", "0");
        Assert.Equal(Member(result, "retrying") > 0 ? 3 : 0, exitCode);
        Assert.InRange(ItemsAtAlipayHk().Count, 400 - Member(result, "retrying"), 400);

        (exitCode, _) = await ResyncAsync();
        Assert.Equal((0, 400), (exitCode, ItemsAtAlipayHk().Count));
    }

    [Fact]
    public async Task Reports_every_invalid_line()
    {
        var invalid = Enumerable.Range(0, 30).Select(id => $$"""{"contentId":"bad-{{id}}","contentType":"SKU"}""" + "\n");
        File.WriteAllText(Catalog, string.Concat(Enumerable.Range(0, 5).Select(id => Line(id, "{\"n\":1}")).Concat(invalid)));
        var report = Path.Combine(_folder, "report.ndjson");

        var (exitCode, _) = await ResyncAsync("--report", report);

        Assert.Equal(1, exitCode);
        var lines = File.ReadLines(report).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(Enumerable.Range(6, 30).Select(line => (long)line), lines.Select(line => line.GetProperty("line").GetInt64()));
        Assert.All(lines, line => Assert.Equal("invalid", line.GetProperty("kind").GetString()));
    }

    private string Catalog => Path.Combine(_folder, "catalog.ndjson");

    private static long Member(JsonElement result, string name) => result.GetProperty(name).GetInt64();

    private static long Plan(JsonElement result, string name) => result.GetProperty("plan").GetProperty(name).GetInt64();

    private static long Run(JsonElement result, string name) => result.GetProperty("run").GetProperty(name).GetInt64();

    private static long Length(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;

    private void Write(IEnumerable<int> ids, string content = "1")
    {
        File.WriteAllText(Catalog, string.Concat(ids.Select(id => TestSnapshot.Line(id.ToString("d5", CultureInfo.InvariantCulture), content))));
    }

    private static string Line(int id, string info) =>
        $$"""{"contentId":"{{id.ToString("d5", CultureInfo.InvariantCulture)}}","contentType":"SKU","contentStatus":1,"contentInfo":{{info}}}""" + "\n";

    private static byte[] Packed(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        return packed.ToArray();
    }

    private Dictionary<string, string> ContentAtAlipayHk() => Journal(entry => entry.GetProperty("contentInfo").GetString()!);

    private Dictionary<string, int> ItemsAtAlipayHk() => Journal(entry => entry.GetProperty("contentStatus").GetInt32());

    // Reads the simulator's journal; the last line of an item counts.
    private Dictionary<string, T> Journal<T>(Func<JsonElement, T> read)
    {
        var items = new Dictionary<string, T>(StringComparer.Ordinal);
        var journal = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        if (!File.Exists(journal)) return items;
        foreach (var line in File.ReadLines(journal))
        {
            using var entry = JsonDocument.Parse(line);
            items[entry.RootElement.GetProperty("contentId").GetString()!] = read(entry.RootElement);
        }

        return items;
    }

    private async Task<(int ExitCode, JsonElement Result)> ResyncAsync(params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLineProcess.RunAsync(_folder, ["resync", "--source", Catalog, "--json", .. arguments]);
        Assert.True(output.StartsWith('{'), $"{exitCode}: {output}{error}");
        return (exitCode, JsonDocument.Parse(output).RootElement);
    }
}
