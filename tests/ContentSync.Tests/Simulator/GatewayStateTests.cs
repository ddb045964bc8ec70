using System.Diagnostics;
using ContentSync.Simulator;
using static ContentSync.Tests.Simulator.TestCaller;

namespace ContentSync.Tests.Simulator;

public sealed class GatewayStateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-").FullName;

    private string StatePath => System.IO.Path.Combine(_folder, "simulator", "content.ndjson");

    private SimulatedGatewayOptions Persistent => Options with { StatePath = StatePath };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Holds_the_same_items_after_a_restart()
    {
        IReadOnlyDictionary<string, StoredContent> before;
        await using (var caller = await StartAsync(Persistent))
        {
            await caller.SendAsync(Body("sku-1", contentInfo: new { title = "old" }));
            await caller.SendAsync(Body("sku-1", contentInfo: new { title = "新" }));
            await caller.SendAsync(Body("film-1", "MOVIE", 0, new { endDate = 4102444800000 }));
            await caller.SendAsync(Body("film-2", "MOVIE"));
            await caller.AdminAsync(HttpMethod.Post, "/simulator/content/film-2/freeze");
            before = caller.Gateway.Snapshot();
        }

        await using var again = await StartAsync(Persistent);

        Assert.Equal(3, before.Count);
        Assert.Equal("frozen", before["film-2"].TemplateStatus);
        Assert.Equivalent(before, again.Gateway.Snapshot(), strict: true);
    }

    [Fact]
    public async Task Writes_an_item_before_it_responds()
    {
        await using var caller = await StartAsync(Persistent);

        await caller.SendAsync(Body("sku-1"));

        // Reads with another process, which sees what a kill at this moment would leave.
        Assert.Contains("\"contentId\":\"sku-1\"", await ReadWithAnotherProcessAsync(StatePath), StringComparison.Ordinal);
    }

    private static async Task<string> ReadWithAnotherProcessAsync(string path)
    {
        var start = OperatingSystem.IsWindows() ? new ProcessStartInfo("cmd", ["/c", "type", path]) : new ProcessStartInfo("cat", [path]);
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text;
    }

    [Fact]
    public async Task Ignores_an_incomplete_last_line_and_appends_after_the_complete_lines()
    {
        await using (var caller = await StartAsync(Persistent))
        {
            await caller.SendAsync(Body("sku-1"));
            await caller.SendAsync(Body("sku-2"));
        }

        var bytes = await File.ReadAllBytesAsync(StatePath);
        await File.WriteAllBytesAsync(StatePath, bytes[..^25]);
        await using (var caller = await StartAsync(Persistent))
        {
            Assert.Equal("sku-1", Assert.Single(caller.Gateway.Snapshot()).Key);
            await caller.SendAsync(Body("sku-3"));
        }

        await using var again = await StartAsync(Persistent);
        Assert.Equal(["sku-1", "sku-3"], again.Gateway.Snapshot().Keys.Order());
    }

    [Fact]
    public async Task Names_the_file_and_line_of_an_invalid_journal()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(StatePath)!);
        await File.WriteAllTextAsync(StatePath, "these are\nnot its lines\n");

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync(Persistent));

        Assert.Contains($"{StatePath}, line 1 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_state_file_that_another_simulator_uses()
    {
        await using var first = await StartAsync(Persistent);

        await Assert.ThrowsAsync<IOException>(() => StartAsync(Persistent));
    }

    [Fact]
    public async Task Compacts_a_journal_of_mostly_outdated_lines()
    {
        await using (var caller = await StartAsync(Persistent)) await caller.SendAsync(Body("sku-1"));
        var line = await File.ReadAllTextAsync(StatePath);
        var newest = line.Replace("\"calls\":1", "\"calls\":1500", StringComparison.Ordinal);
        await File.WriteAllTextAsync(StatePath, string.Concat(Enumerable.Repeat(line, 1_499)) + newest);

        await using (var caller = await StartAsync(Persistent)) await caller.SendAsync(Body("sku-2"));

        Assert.Equal(2, (await File.ReadAllLinesAsync(StatePath)).Length);
        await using var again = await StartAsync(Persistent);
        Assert.Equal(1_500, again.Gateway.Snapshot()["sku-1"].Calls);
        Assert.Equal(2, again.Gateway.Snapshot().Count);
    }

    [Fact]
    public async Task Remembers_used_requestIds_across_a_restart()
    {
        await using (var caller = await StartAsync(Persistent)) await caller.SendAsync(Body("sku-1", requestId: "same"));

        await using var again = await StartAsync(Persistent);
        await again.SendAsync(Body("sku-2", requestId: "same"));

        Assert.Equal(1, again.Gateway.Stats.ReusedRequestIds);
    }
}
