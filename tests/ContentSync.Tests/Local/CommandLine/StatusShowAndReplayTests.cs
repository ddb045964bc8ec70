using System.CommandLine;
using System.Text.Json;
using System.Text.RegularExpressions;
using ContentSync.Budget;
using ContentSync.Ledger;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;
using ContentSync.Sqlite;
using ContentSync.Tests.Http;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Local.Hosting;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Spectre.Console.Testing;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>status, show and replay, against a running host and against its data folder.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class StatusShowAndReplayTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Shows_the_same_for_a_host_and_for_its_folder(bool usesHost)
    {
        await using var host = await StartAsync();
        var (exit, output, screen) = await RunAsync(host, usesHost, "status");
        Assert.Equal(ExitCodes.SomeFailed, exit);
        Assert.Empty(output);
        Assert.Contains("RISKY-1", screen, StringComparison.Ordinal);
        Assert.Contains("CONTENT_RISKY", screen, StringComparison.Ordinal);

        (_, output, _) = await RunAsync(host, usesHost, "status", "--json");
        var states = JsonDocument.Parse(output).RootElement.GetProperty("states");
        Assert.Equal((1, 1), (states.GetProperty("synchronized").GetInt32(), states.GetProperty("parked").GetInt32()));

        (exit, _, screen) = await RunAsync(host, usesHost, "show", "GOOD-1");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("synchronized", screen, StringComparison.Ordinal);
        (_, output, _) = await RunAsync(host, usesHost, "show", "RISKY-1", "--json");
        Assert.Equal("rejected", JsonDocument.Parse(output).RootElement.GetProperty("parkReason").GetString());
        var e = await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, usesHost, "show", "unknown"));
        Assert.Equal(ExitCodes.SomeFailed, e.ExitCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_item_whose_newer_version_is_refused_is_stale_everywhere(bool usesHost)
    {
        await using var host = await RunningHost.StartAsync("the key");
        host.Client.DefaultRequestHeaders.Add("x-functions-key", "the key");
        (await host.SubmitAsync(ApiHarness.Item("ST-1", "1"))).Dispose();
        (await host.SubmitAsync(ApiHarness.Item("ST-1", new string('2', 60_000)))).Dispose();

        var (exit, _, screen) = await RunAsync(host, usesHost, "status");
        Assert.Equal(ExitCodes.SomeFailed, exit);
        Assert.Contains("AlipayHK holds an older version of 1 item", screen, StringComparison.Ordinal);
        (_, _, screen) = await RunAsync(host, usesHost, "show", "ST-1");
        Assert.Contains("STALE", screen, StringComparison.Ordinal);
        var (_, json, _) = await RunAsync(host, usesHost, "list", "--stale", "--json");
        var item = Assert.Single(JsonDocument.Parse(json).RootElement.EnumerateArray());
        Assert.Equal("ST-1", item.GetProperty("contentId").GetString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Says_first_that_sending_is_paused_or_stopped(bool usesHost)
    {
        await using var host = await StartAsync();
        var sendSwitch = host.Pipeline.Services.GetRequiredService<SendSwitch>();
        await sendSwitch.PauseAsync(null, "wrong prices", "Mei", CancellationToken.None);
        var since = DateTimeOffset.UtcNow;
        await sendSwitch.ChangeAsync(
            (read, _) => read.State with
            {
                Circuit = new SharedCircuit("ConfigurationFault", "INVALID_SIGNATURE", "signature does not match", since, since.AddMinutes(1)),
            },
            CancellationToken.None);

        var (exit, _, screen) = await RunAsync(host, usesHost, "status");

        Assert.Equal(ExitCodes.SomeFailed, exit);
        var lines = screen.Split('\n');
        Assert.StartsWith("Mei paused all sending", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("The circuit breaker has been open since", lines[1], StringComparison.Ordinal);
        Assert.Contains("INVALID_SIGNATURE: signature does not match. Check that", screen.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_the_type_that_tombstones_lack()
    {
        await using var host = await StartAsync();
        (await host.Client.DeleteAsync(new Uri("api/content/NEVER-SEEN", UriKind.Relative))).EnsureSuccessStatusCode();

        var (_, output, screen) = await RunAsync(host, false, "status", "--json");
        Assert.Equal(1, JsonDocument.Parse(output).RootElement.GetProperty("types").GetProperty("(tombstone)").GetInt32());
        (_, _, screen) = await RunAsync(host, false, "status");
        Assert.Contains("1 (tombstone)", screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_spreadsheet_runs_what_the_list_exports()
    {
        await using var host = await StartAsync();
        (await host.SubmitAsync(ApiHarness.Item("=1+1", "1"))).Dispose();

        var (_, csv, _) = await RunAsync(host, false, "list", "--csv", "--prefix", "=");

        Assert.StartsWith("'=1+1,", csv.Split("\r\n")[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Lists_items_by_state_in_every_format(bool usesHost)
    {
        await using var host = await StartAsync();
        var (exit, _, screen) = await RunAsync(host, usesHost, "list", "--state", "parked");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("RISKY-1", screen, StringComparison.Ordinal);
        Assert.DoesNotContain("GOOD-1", screen, StringComparison.Ordinal);

        var (_, json, _) = await RunAsync(host, usesHost, "list", "--json");
        Assert.Equal(["GOOD-1", "RISKY-1"], JsonDocument.Parse(json).RootElement.EnumerateArray().Select(Id));
        var (_, ndjson, _) = await RunAsync(host, usesHost, "list", "--ndjson", "--code", "CONTENT_RISKY");
        Assert.Equal("RISKY-1", Id(JsonDocument.Parse(ndjson).RootElement));
        var (_, csv, _) = await RunAsync(host, usesHost, "list", "--csv");
        var lines = csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("contentId,contentType,", lines[0], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);

        (_, _, screen) = await RunAsync(host, usesHost, "list", "--limit", "1");
        Assert.Contains("More items match than the 1 shown", screen, StringComparison.Ordinal);
        (_, _, screen) = await RunAsync(host, usesHost, "list", "--state", "pending");
        Assert.Contains("No item matches", screen, StringComparison.Ordinal);

        static string Id(JsonElement item) => item.GetProperty("contentId").GetString()!;
    }

    [Theory]
    [InlineData(true, "--reason", "rejected", "RISKY-1")]
    [InlineData(false, "--reason", "rejected", "RISKY-1")]
    [InlineData(true, "--prefix", "GOOD", "GOOD-1")]
    [InlineData(false, "--prefix", "GOOD", "GOOD-1")]
    [InlineData(true, "--from", "1h", "GOOD-1,RISKY-1")]
    [InlineData(false, "--from", "1h", "GOOD-1,RISKY-1")]
    [InlineData(true, "--to", "1h", "")]
    [InlineData(false, "--to", "1h", "")]
    public async Task Lists_with_the_filters_that_the_API_has(bool usesHost, string option, string value, string expected)
    {
        await using var host = await StartAsync();
        var (_, json, _) = await RunAsync(host, usesHost, "list", "--json", option, value);
        Assert.Equal(
            expected, string.Join(',', JsonDocument.Parse(json).RootElement.EnumerateArray().Select(item => item.GetProperty("contentId").GetString())));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Exports_to_a_file_and_imports_it_into_another_ledger(bool usesHost)
    {
        await using var host = await StartAsync();
        using var folder = new TemporaryFolder();
        var file = folder.File("ledger.ndjson");
        var (exit, _, screen) = await RunAsync(host, usesHost, "export", file);
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("Exported to", screen, StringComparison.Ordinal);
        Assert.Equal(4, (await File.ReadAllLinesAsync(file)).Length);
        Assert.False(File.Exists(file + ".partial"));

        await using var other = usesHost ? await RunningHost.StartAsync("the key") : null;
        string[] where = other is not null ? ["--host", other.Address.ToString(), "--api-key", "the key"] : ["--data", folder.File("other")];
        (exit, screen) = await RunAtAsync(where, "import", file);
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("2 records imported, 0 kept", screen, StringComparison.Ordinal);
        (_, screen) = await RunAtAsync(where, "import", file);
        Assert.Contains("0 records imported, 2 kept", screen, StringComparison.Ordinal);
        (_, screen) = await RunAtAsync(where, "show", "RISKY-1");
        Assert.Contains("parked: rejected", screen, StringComparison.Ordinal);
        Assert.Contains("CONTENT_RISKY", screen, StringComparison.Ordinal);

        await File.AppendAllTextAsync(file, "{}\n");
        var e = await Assert.ThrowsAsync<CommandException>(() => RunAtAsync(where, "import", file));
        Assert.Contains("Line 5 cannot be imported. It follows the end", e.Message, StringComparison.Ordinal);
        Assert.Contains("Run it again to continue", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("status", 40)]
    [InlineData("status", 80)]
    [InlineData("status", 120)]
    [InlineData("list", 40)]
    [InlineData("list", 80)]
    [InlineData("list", 120)]
    public async Task Times_and_ids_survive_a_narrow_terminal(string command, int width)
    {
        await using var host = await StartAsync();
        var screen = new TestConsole().Width(width);
        var root = new RootCommand { new StatusCommand(screen).Create(), new ListCommand(new Terminal(screen, screen)).Create() };
        await root.Parse([command, "--data", host.Data]).InvokeAsync(Throwing());
        Assert.Contains(screen.Lines, line => Regex.IsMatch(line, @"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"));
        Assert.Contains(screen.Lines, line => line.Contains("RISKY-1", StringComparison.Ordinal));
        Assert.Contains(screen.Lines, line => line.Contains("CONTENT_RISKY", StringComparison.Ordinal));
        Assert.All(screen.Lines, line => Assert.InRange(line.TrimEnd().Length, 0, width));
    }

    [Fact]
    public async Task Counts_templates_by_status_and_warns_of_those_that_are_frozen_or_expired()
    {
        using var folder = new TemporaryFolder();
        var options = new SqliteLedgerOptions(folder.File(DataDirectory.LedgerName));
        await using (var ledger = await SqliteLedger.OpenAsync(options, TimeProvider.System, CancellationToken.None))
        {
            foreach (var (contentId, status) in ((string, string)[])[("A", "valid"), ("B", "frozen"), ("C", "frozen"), ("D", "expired")])
            {
                await ledger.AcceptAsync([new TestSubmissions().Of(contentId, "{}", 1, "MOVIE")], CancellationToken.None);
                var leased = (await ledger.LeaseAsync(contentId, TimeSpan.FromMinutes(1), CancellationToken.None)).Record!;
                var outcome = AttemptOutcomes.Synchronized(leased, TimeProvider.System.GetUtcNow());
                await ledger.RecordAsync(leased, outcome with { TemplateCode = "T", TemplateStatus = status }, CancellationToken.None);
            }
        }

        var screen = new TestConsole().Width(240);
        Assert.Equal(ExitCodes.Done, await new StatusCommand(screen).Create().Parse(["--data", folder.File("")]).InvokeAsync(Throwing()));
        Assert.Contains("1 expired, 2 frozen, 1 valid", screen.Output, StringComparison.Ordinal);
        Assert.Contains("AlipayHK reports the template of 2 items as frozen, although it holds them.", screen.Output, StringComparison.Ordinal);
        Assert.Contains("AlipayHK reports the template of 1 item as expired, although it holds them.", screen.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("as valid", screen.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replays_one_item_in_a_running_host()
    {
        await using var host = await StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.None;
        var (exit, _, screen) = await RunAsync(host, true, "replay", "RISKY-1");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("The host sends what is pending", screen, StringComparison.Ordinal);
        await host.Pipeline.Queue.WaitForActiveAsync(0, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(SyncState.Synchronized, (await host.Pipeline.Ledger.FindAsync("RISKY-1", CancellationToken.None))!.State);
        await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, true, "replay", "GOOD-1"));
    }

    [Fact]
    public async Task Counts_matching_items_in_a_dry_run_and_replays_them()
    {
        await using var host = await StartAsync();
        var (_, output, _) = await RunAsync(host, true, "replay", "--code", "CONTENT_RISKY", "--dry-run", "--json");
        Assert.Equal(1, JsonDocument.Parse(output).RootElement.GetProperty("matched").GetInt32());
        Assert.Equal(SyncState.Parked, (await host.Pipeline.Ledger.FindAsync("RISKY-1", CancellationToken.None))!.State);
        var (_, _, screen) = await RunAsync(host, true, "replay", "--all");
        Assert.Contains("1 item is pending again", screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_to_replay_in_a_folder_that_is_in_use_and_says_what_to_do()
    {
        await using var host = await StartAsync();
        var e = await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, false, "replay", "RISKY-1"));
        Assert.Contains("--host", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("replay")]
    [InlineData("replay", "--reason", "bored")]
    public async Task Explains_the_arguments_of_replay(params string[] args)
    {
        await using var host = await StartAsync();
        var e = await Assert.ThrowsAsync<CommandException>(() => RunAsync(host, true, args));
        Assert.Contains("--reason (rejected", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_to_send_a_key_over_a_network_in_the_clear() =>
        Assert.NotEmpty(new StatusCommand(new TestConsole()).Create().Parse(["--host", "http://example.com"]).Errors);

    [Fact]
    public async Task Does_not_create_a_missing_folder()
    {
        await using var host = await StartAsync();
        var folder = host.Data + "-other";
        var parsed = new StatusCommand(new TestConsole()).Create().Parse(["--data", folder]);
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => parsed.InvokeAsync(Throwing()));
        Assert.False(Directory.Exists(folder));
    }

    private static async Task<RunningHost> StartAsync()
    {
        var host = await RunningHost.StartAsync("the key");
        host.Client.DefaultRequestHeaders.Add("x-functions-key", "the key");
        (await host.SubmitAsync(ApiHarness.Item("GOOD-1"))).Dispose();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        (await host.SubmitAsync(ApiHarness.Item("RISKY-1"))).Dispose();
        return host;
    }

    private static async Task<(int Exit, string Screen)> RunAtAsync(string[] where, params string[] args)
    {
        var (exit, _, screen) = await RunAsync(where, args);
        return (exit, screen);
    }

    private static Task<(int Exit, string Output, string Screen)> RunAsync(RunningHost host, bool usesHost, params string[] args) =>
        RunAsync(usesHost ? ["--host", host.Address.ToString(), "--api-key", "the key"] : ["--data", host.Data], args);

    private static async Task<(int Exit, string Output, string Screen)> RunAsync(string[] where, string[] args)
    {
        var screen = new TestConsole().Width(240);
        var root = new RootCommand { new StatusCommand(screen).Create(), new ShowCommand(screen).Create(), new ReplayCommand(screen).Create() };
        root.Subcommands.Add(new ListCommand(new Terminal(screen, screen)).Create());
        root.Subcommands.Add(new ExportCommand(new Terminal(screen, screen)).Create());
        root.Subcommands.Add(new ImportCommand(new Terminal(screen, screen)).Create());
        var parsed = root.Parse([.. args, .. where]);
        Assert.Empty(parsed.Errors);
        using var output = new StringWriter();
        var configuration = Throwing();
        configuration.Output = output;
        var exit = await parsed.InvokeAsync(configuration);
        return (exit, output.ToString(), screen.Output);
    }

    private static InvocationConfiguration Throwing() => new() { EnableDefaultExceptionHandler = false };
}
