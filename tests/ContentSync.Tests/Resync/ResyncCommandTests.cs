using System.Globalization;
using System.Text.Json;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Local.CommandLine;

namespace ContentSync.Tests.Resync;

public sealed class ResyncCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Shows_the_plan_sends_what_differs_and_guards_against_mass_delisting()
    {
        Write(Enumerable.Range(0, 300));
        var (exitCode, answer) = await ResyncAsync("--dry-run");
        Assert.Equal((0, "Planned", 300), (exitCode, answer.GetProperty("state").GetString(), Plan(answer, "new")));
        Assert.Empty(Held());

        (exitCode, answer) = await ResyncAsync();
        Assert.Equal((0, "Completed", 300, 0), (exitCode, answer.GetProperty("state").GetString(), Run(answer, "sent"), Member(answer, "remaining")));
        Assert.Equal("HandledAlready", (await ResyncAsync()).Answer.GetProperty("state").GetString());

        Write(Enumerable.Range(60, 240));
        (exitCode, answer) = await ResyncAsync();
        Assert.Equal((3, "Stopped", 60), (exitCode, answer.GetProperty("state").GetString(), Plan(answer, "vanished")));
        Assert.All(Held().Values, status => Assert.Equal(1, status));

        (exitCode, answer) = await ResyncAsync("--allow-delist", "0.2");
        Assert.Equal((0, "Completed", 60), (exitCode, answer.GetProperty("state").GetString(), Run(answer, "sent")));
        Assert.Equal((60, 240), (Held().Values.Count(status => status == 0), Held().Values.Count(status => status == 1)));
    }

    [Fact]
    public async Task Refuses_a_file_that_is_cut_short_and_names_the_line()
    {
        Write(Enumerable.Range(0, 50));
        File.WriteAllText(Catalog, File.ReadAllText(Catalog)[..^20]);

        var (exitCode, answer) = await ResyncAsync();

        Assert.Equal((2, "Refused", 50), (exitCode, answer.GetProperty("state").GetString(), Member(answer, "line")));
        Assert.Empty(Held());
    }

    [Fact]
    public async Task Goes_on_after_a_kill_9_and_its_counts_add_up()
    {
        Write(Enumerable.Range(0, 2_500));
        var content = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        var random = new Random(3);
        for (var kill = 0; kill < 2; kill++)
        {
            var until = Length(content) + random.Next(1, 60_000);
            using var process = CommandLineProcess.Start(_folder, "resync", "--source", Catalog);
            while (!process.HasExited && Length(content) < until) await Task.Delay(5);
            process.Kill();
            await process.EndAsync();
        }

        var (exitCode, answer) = await ResyncAsync();

        Assert.Equal((0, "Completed", 0), (exitCode, answer.GetProperty("state").GetString(), Member(answer, "remaining")));
        Assert.Equal(2_500, Run(answer, "planned"));
        Assert.Equal(2_500, Run(answer, "sent") + Run(answer, "unchanged"));
        Assert.Equal(2_500, Held().Count);
    }

    [Fact]
    public async Task Brings_failing_items_home_by_retries_of_their_own()
    {
        Write(Enumerable.Range(0, 200));

        var (exitCode, answer) = await ResyncAsync("--faults", "unknown=0.1");

        Assert.Equal((0, 200), (exitCode, Run(answer, "sent") + Run(answer, "failed")));
        Assert.Equal((0, 200), (Member(answer, "retrying"), Held().Count));
    }

    private string Catalog => Path.Combine(_folder, "catalog.ndjson");

    private static long Member(JsonElement answer, string name) => answer.GetProperty(name).GetInt64();

    private static long Plan(JsonElement answer, string name) => answer.GetProperty("plan").GetProperty(name).GetInt64();

    private static long Run(JsonElement answer, string name) => answer.GetProperty("run").GetProperty(name).GetInt64();

    private static long Length(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;

    private void Write(IEnumerable<int> ids)
    {
        File.WriteAllText(Catalog, string.Concat(ids.Select(id => TestSnapshot.Line(id.ToString("d5", CultureInfo.InvariantCulture), "1"))));
    }

    // The simulated AlipayHK's journal; a content's last line counts.
    private Dictionary<string, int> Held()
    {
        var held = new Dictionary<string, int>(StringComparer.Ordinal);
        var journal = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        if (!File.Exists(journal)) return held;
        foreach (var line in File.ReadLines(journal))
        {
            using var entry = JsonDocument.Parse(line);
            held[entry.RootElement.GetProperty("contentId").GetString()!] = entry.RootElement.GetProperty("contentStatus").GetInt32();
        }

        return held;
    }

    private async Task<(int ExitCode, JsonElement Answer)> ResyncAsync(params string[] arguments)
    {
        var (exitCode, output, error) = await CommandLineProcess.RunAsync(_folder, ["resync", "--source", Catalog, "--json", .. arguments]);
        Assert.True(output.StartsWith('{'), $"{exitCode}: {output}{error}");
        return (exitCode, JsonDocument.Parse(output).RootElement);
    }
}
