using System.Globalization;
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

    private string Catalog => Path.Combine(_folder, "catalog.ndjson");

    private static long Member(JsonElement result, string name) => result.GetProperty(name).GetInt64();

    private static long Plan(JsonElement result, string name) => result.GetProperty("plan").GetProperty(name).GetInt64();

    private static long Run(JsonElement result, string name) => result.GetProperty("run").GetProperty(name).GetInt64();

    private static long Length(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;

    private void Write(IEnumerable<int> ids)
    {
        File.WriteAllText(Catalog, string.Concat(ids.Select(id => TestSnapshot.Line(id.ToString("d5", CultureInfo.InvariantCulture), "1"))));
    }

    // Reads the simulator's journal; the last line of an item counts.
    private Dictionary<string, int> ItemsAtAlipayHk()
    {
        var items = new Dictionary<string, int>(StringComparer.Ordinal);
        var journal = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        if (!File.Exists(journal)) return items;
        foreach (var line in File.ReadLines(journal))
        {
            using var entry = JsonDocument.Parse(line);
            items[entry.RootElement.GetProperty("contentId").GetString()!] = entry.RootElement.GetProperty("contentStatus").GetInt32();
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
