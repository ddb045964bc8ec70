using System.Text.Json;
using ContentSync.Local;
using ContentSync.Tests.Http;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>A file that ends too early: sync sends what precedes the end, and resync refuses the file as a whole.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class CutOffCatalogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Cut => new()
    {
        { $"[{ApiHarness.Item("A-1")},\n{ApiHarness.Item("A-2")},\n{ApiHarness.Item("A-3")[..^9]}", "in the middle of element 2" },
        { $"{ApiHarness.Item("A-1")}\n{ApiHarness.Item("A-2")}\n{ApiHarness.Item("A-3")[..^9]}", "ends inside an item (line 3)" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cut))]
    public async Task Sync_sends_the_items_before_the_end_and_says_so_last(string text, string place)
    {
        var (exit, output, error) = await RunAsync("sync", text);

        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Equal(2, JsonDocument.Parse(output).RootElement.GetProperty("synchronized").GetInt32());
        var last = string.Join(' ', error.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(place, last, StringComparison.Ordinal);
        Assert.Contains("2 items before that place were accepted", last, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cut))]
    public async Task Resync_refuses_the_file_as_a_whole(string text, string place)
    {
        var (exit, output, _) = await RunAsync("resync", text);

        Assert.Equal(ExitCodes.Unusable, exit);
        var run = JsonDocument.Parse(output).RootElement;
        Assert.Equal("Refused", run.GetProperty("state").GetString());
        Assert.Contains(place, run.GetProperty("message").GetString(), StringComparison.Ordinal);
        var (_, status, _) = await CommandLineProgramRun.RunAsync("status", "--json", "--data", _folder.File("data"));
        Assert.Equal(0, JsonDocument.Parse(status).RootElement.GetProperty("states").GetProperty("synchronized").GetInt32());
    }

    private async Task<(int Exit, string Output, string Error)> RunAsync(string command, string text)
    {
        var file = _folder.File("catalog");
        await File.WriteAllTextAsync(file, text);
        string[] source = command == "sync" ? [file] : ["--source", file];
        return await CommandLineProgramRun.RunAsync([command, .. source, "--json", "--data", _folder.File("data")]);
    }
}
