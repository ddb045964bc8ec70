using System.CommandLine;
using System.Text.Json;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Local.Hosting;
using ContentSync.Tests.Sqlite;
using Spectre.Console.Testing;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>resync against a running host.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class ResyncInHostTests
{
    private const string Key = "the key";

    [Fact]
    public async Task Plans_and_sends_a_catalog_and_shows_the_run_in_the_status()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(50), apiKey: Key);

        var (exit, output, _) = await RunAsync(host, ["resync", "--dry-run", "--json"]);
        var planned = JsonDocument.Parse(output).RootElement;
        Assert.Equal(
            (0, "planned", 50),
            (exit, planned.GetProperty("state").GetString(), planned.GetProperty("plan").GetProperty("new").GetInt32()));

        (exit, _, var screen) = await RunAsync(host, ["resync"]);
        Assert.Equal(0, exit);
        Assert.Contains("acknowledged by AlipayHK", screen, StringComparison.Ordinal);
        Assert.Equal(50, host.Pipeline.Gateway!.Snapshot().Count);

        (exit, output, _) = await RunAsync(host, ["resync", "--json"]);
        Assert.Equal((0, "handledAlready"), (exit, JsonDocument.Parse(output).RootElement.GetProperty("state").GetString()));
        (exit, output, _) = await RunAsync(host, ["resync", "--again", "--json"]);
        Assert.Equal((0, "completed"), (exit, JsonDocument.Parse(output).RootElement.GetProperty("state").GetString()));

        (exit, _, screen) = await RunAsync(host, ["status"]);
        Assert.Equal(0, exit);
        Assert.Contains("Resync of catalog: completed at", screen, StringComparison.Ordinal);
        (_, _, screen) = await RunAsync(host, ["status", "--data", host.Data], usesHost: false);
        Assert.Contains("completed at", screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Asks_the_host_that_the_environment_names_unless_a_data_folder_is_given()
    {
        using var folder = new TemporaryFolder();
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(3));

        var (exit, output, error) = await CommandLineProcess.RunAsync(
            folder.File(""), ["resync", "--source", "catalog", "--dry-run", "--json"], host: host.Address);
        Assert.True(exit == 0, error);
        Assert.Equal("planned", JsonDocument.Parse(output).RootElement.GetProperty("state").GetString());
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.File("")));

        (exit, output, error) = await CommandLineProcess.RunAsync(
            folder.File(""), ["resync", "--source", "catalog", "--dry-run", "--data", "here"], host: host.Address);
        Assert.True(exit == 2, error);
        Assert.Contains("There is no catalog", output + error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_stopped_by_the_guard_until_the_share_is_allowed()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(20), apiKey: Key);
        await RunAsync(host, ["resync"]);
        await File.WriteAllTextAsync(host.Catalog, Catalog(10));

        var (exit, _, screen) = await RunAsync(host, ["resync"]);
        Assert.Equal(ExitCodes.Stopped, exit);
        Assert.Contains("It would delist 10 of 20 listed items", screen, StringComparison.Ordinal);
        (exit, _, _) = await RunAsync(host, ["resync", "--allow-delist", "0.5"]);
        Assert.Equal(ExitCodes.Done, exit);
    }

    [Fact]
    public async Task Stops_following_on_ctrl_c_and_cancels_the_run_on_demand()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(500), rate: 5, apiKey: Key);
        using var interrupt = new CancellationTokenSource();
        var following = RunAsync(host, ["resync"], cancellationToken: interrupt.Token);
        var runs = host.Pipeline.Runs;
        while (!(await runs.ListAsync(CancellationToken.None)).Any(run => run.State == ResyncRunState.Sending)) await Task.Delay(20);
        await interrupt.CancelAsync();
        var (exit, _, screen) = await following;
        Assert.Equal(ExitCodes.Stopped, exit);
        Assert.Contains("continues in the host", screen, StringComparison.Ordinal);
        Assert.Equal(ResyncRunState.Sending, Assert.Single(await runs.ListAsync(CancellationToken.None)).State);

        var e = await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, ["resync", "--dry-run"]));
        Assert.Contains("is under way with other parameters", e.Message, StringComparison.Ordinal);
        (exit, _, screen) = await RunAsync(host, ["resync", "--cancel"]);
        Assert.Equal(0, exit);
        Assert.Contains("Cancelled.", screen, StringComparison.Ordinal);
        (_, _, screen) = await RunAsync(host, ["resync", "--cancel"]);
        Assert.Contains("No run of the catalog is under way", screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sends_items_of_the_ledger_again()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(5), apiKey: Key);
        await RunAsync(host, ["resync"]);
        var (exit, output, _) = await RunAsync(host, ["resync", "--source", "ledger", "--older-than", "0.0000001", "--json"]);
        var run = JsonDocument.Parse(output).RootElement;
        Assert.Equal(
            (0, "ledger", 5), (exit, run.GetProperty("source").GetString(), run.GetProperty("counts").GetProperty("sent").GetInt32()));
    }

    [Theory]
    [InlineData("leave out --host", "--rate", "5")]
    [InlineData("leave out --host", "--data", "elsewhere")]
    [InlineData("the host reads the catalog", "--source", "catalog.ndjson")]
    [InlineData("are only for --source ledger", "--failed")]
    [InlineData("are only for a catalog", "--source", "ledger", "--again")]
    public async Task Explains_which_options_conflict(string expected, params string[] arguments)
    {
        await using var host = await RunningHost.StartWithCatalogAsync("", apiKey: Key);
        var e = await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, ["resync", .. arguments]));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_that_the_host_has_no_catalog()
    {
        await using var host = await RunningHost.StartAsync(Key);
        var e = await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, ["resync"]));
        Assert.Contains("--catalog FILE", e.Message, StringComparison.Ordinal);
    }

    private static string Catalog(int items) => string.Concat(Enumerable.Range(0, items).Select(i => TestSnapshot.Line($"SKU-{i:d4}", "1")));

    private static async Task<(int Exit, string Output, string Screen)> RunAsync(
        RunningHost host, string[] args, bool usesHost = true, CancellationToken cancellationToken = default)
    {
        var screen = new TestConsole().Width(300);
        var root = new RootCommand { new StatusCommand(screen).Create(), new ResyncCommand(new Terminal(screen, screen)).Create() };
        var parsed = root.Parse(usesHost ? [.. args, "--host", host.Address.ToString(), "--api-key", Key] : args);
        Assert.Empty(parsed.Errors);
        using var output = new StringWriter();
        var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output };
        var exit = await parsed.InvokeAsync(configuration, cancellationToken);
        return (exit, output.ToString(), screen.Output);
    }
}
