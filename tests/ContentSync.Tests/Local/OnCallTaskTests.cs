using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;
using ContentSync.Tests.Http;
using ContentSync.Tests.Local.CommandLine;
using ContentSync.Tests.Local.Hosting;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local;

/// <summary>
/// What a person on call has to do at three in the morning, each in at most two steps: commands, or calls of the API that the board makes.
/// </summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class OnCallTaskTests
{
    private const int MaxSteps = 2;

    [Fact]
    public async Task Why_is_an_item_not_in_the_app()
    {
        await using var on = await OnCall.StartAsync();
        await on.ParkAsync("RISKY-1");
        on.Begin();
        var shown = await on.RunAsync("show", "RISKY-1");
        Assert.All((string[])["parked: rejected", "CONTENT_RISKY", "Tracer-Id"], text => Assert.Contains(text, shown, StringComparison.Ordinal));

        on.Begin();
        var item = await on.GetAsync("/api/content/RISKY-1");
        Assert.Equal("rejected", item.GetProperty("parkReason").GetString());
        Assert.Equal("CONTENT_RISKY", item.GetProperty("lastAttempt").GetProperty("code").GetString());
    }

    [Fact]
    public async Task AlipayHK_rotated_its_key()
    {
        using var folder = new TemporaryFolder();
        using var before = RSA.Create(2048);
        using var after = RSA.Create(2048);
        await File.WriteAllTextAsync(folder.File("old.pem"), before.ExportSubjectPublicKeyInfoPem());
        await File.WriteAllTextAsync(folder.File("new.pem"), after.ExportSubjectPublicKeyInfoPem());
        await File.WriteAllTextAsync(folder.File("catalog.ndjson"), string.Concat(Enumerable.Range(0, 12).Select(i => ApiHarness.Item($"K-{i}") + "\n")));
        using var ours = RSA.Create();
        ours.ImportFromPem(await File.ReadAllTextAsync(DataDirectory.Open(folder.File("data")).PrivateKeyFile));
        await using var gateway = await SimulatedGateway.StartAsync(
            new SimulatedGatewayOptions
            {
                ClientId = LocalOptions.SimulatedClientId,
                CallerKeys = [new RegisteredKey("1", ours.ExportSubjectPublicKeyInfoPem())],
                ContentTypes = [.. new ContentOptions().ContentTypes],
                Key = new GatewayKey("2", after.ExportPkcs8PrivateKeyPem()),
            },
            TimeProvider.System,
            null,
            CancellationToken.None);
        string[] sync =
        [
            "sync", folder.File("catalog.ndjson"), "--data", folder.File("data"), "--gateway", gateway.Address.ToString(), "--late-effect-window", "0",
            "--alipayhk-key", folder.File("old.pem"), "--alipayhk-key-version", "1",
        ];
        var (exit, _, _) = await CommandLineProgramRun.RunAsync([.. sync, "--wait", "3"]);
        Assert.Equal(ExitCodes.Stopped, exit);

        var (_, status, _) = await CommandLineProgramRun.RunAsync("status", "--data", folder.File("data"));
        Assert.Contains("UnknownResponseKeyVersion", status, StringComparison.Ordinal);
        Assert.Contains("key", status, StringComparison.OrdinalIgnoreCase);
        (exit, _, var error) = await CommandLineProgramRun.RunAsync([.. sync, "--alipayhk-key", folder.File("new.pem"), "--alipayhk-key-version", "2"]);
        Assert.True(exit == ExitCodes.Done, error);
        Assert.Equal(12, gateway.Snapshot().Count);
    }

    [Fact]
    public async Task The_vault_is_throttled()
    {
        await using var on = await OnCall.StartAsync(new LocalOptions { Rate = 100 });
        await on.Host.Pipeline.Services.GetRequiredService<SendSwitch>().ChangeAsync(
            (read, _) => read.State with
            {
                Holders = [new BudgetHolder("other", 10, 0, 10, 0, read.Time.AddMinutes(1), 3, [new VaultUse("kv-east", 120, IsThrottled: true)])],
            },
            CancellationToken.None);
        on.Begin();
        var status = await on.RunAsync("status");
        Assert.Contains("Vault kv-east: 120 signatures per second, throttled.", status, StringComparison.Ordinal);

        on.Begin();
        var vault = Assert.Single((await on.GetAsync("/api/board/state")).GetProperty("budget").GetProperty("vaults").EnumerateArray());
        Assert.Equal("throttled", vault.GetProperty("state").GetString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Replay_a_code_since_yesterday(bool fromBoard)
    {
        await using var on = await OnCall.StartAsync();
        await on.ParkAsync("RISKY-1");
        await on.ParkAsync("RISKY-2");
        on.Begin();
        if (fromBoard)
        {
            var since = DateTimeOffset.UtcNow.AddDays(-1).ToString("O");
            var counted = await on.PostAsync("/api/content/replay", $$"""{"code":"CONTENT_RISKY","from":"{{since}}","dryRun":true}""");
            Assert.Equal(2, counted.GetProperty("matched").GetInt32());
            await on.PostAsync("/api/content/replay", $$"""{"code":"CONTENT_RISKY","from":"{{since}}"}""");
        }
        else
        {
            var counted = await on.RunAsync("replay", "--code", "CONTENT_RISKY", "--from", "yesterday", "--dry-run");
            Assert.Contains("2 items would be replayed", counted, StringComparison.Ordinal);
            await on.RunAsync("replay", "--code", "CONTENT_RISKY", "--from", "yesterday");
        }

        await on.AwaitStateAsync("RISKY-1", SyncState.Synchronized);
        await on.AwaitStateAsync("RISKY-2", SyncState.Synchronized);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stop_everything_now_and_resume_later(bool fromBoard)
    {
        await using var on = await OnCall.StartAsync();
        on.Begin();
        if (fromBoard) await on.PostAsync("/api/sending/pause", """{"reason":"wrong prices","by":"Mei"}""");
        else await on.RunAsync("pause", "--reason", "wrong prices", "--by", "Mei");
        var sent = on.Host.Pipeline.Calls.AlipayHkCalls;
        (await on.Host.SubmitAsync(ApiHarness.Item("WAITS-1"))).Dispose();
        Assert.Equal(sent, on.Host.Pipeline.Calls.AlipayHkCalls);

        if (fromBoard) await on.PostAsync("/api/sending/resume", "{}");
        else await on.RunAsync("resume");
        await on.AwaitStateAsync("WAITS-1", SyncState.Synchronized);
    }

    [Fact]
    public async Task Slow_down_now_and_return_to_the_configured_rate_later()
    {
        await using var on = await OnCall.StartAsync(new LocalOptions { Rate = 50 });
        on.Begin();
        await on.RunAsync("rate", "20");
        Assert.Equal(20, (await on.GetAsync("/api/sending")).GetProperty("perSecond").GetDouble());
        on.Begin();
        await on.RunAsync("rate", "configured");
        Assert.Equal(50, (await on.GetAsync("/api/sending")).GetProperty("perSecond").GetDouble());
    }

    [Fact]
    public async Task A_pause_of_an_unknown_type_is_refused_and_one_of_a_type_says_how_it_ends()
    {
        await using var on = await OnCall.StartAsync();
        on.Begin();
        var refused = await on.RefusedAsync("pause", "--content-type", "sku", "--reason", "wrong prices", "--by", "Mei");
        Assert.Contains("must be one of SKU, MOVIE", refused.ReplaceLineEndings(" "), StringComparison.Ordinal);
        var shown = await on.RunAsync("pause", "--content-type", "SKU", "--reason", "wrong prices", "--by", "Mei");
        Assert.Contains("resume --content-type SKU", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_everything_that_is_parked()
    {
        await using var on = await OnCall.StartAsync();
        await on.ParkAsync("RISKY-1");
        await on.ParkAsync("RISKY-2");
        (await on.Host.SubmitAsync(ApiHarness.Item("GOOD-1"))).Dispose();
        on.Begin();
        var csv = await on.RunAsync("list", "--state", "parked", "--csv");
        Assert.Equal(["RISKY-1", "RISKY-2"], csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(',')[0]));

        on.Begin();
        var items = (await on.GetAsync("/api/content?state=parked&limit=200")).GetProperty("items").EnumerateArray();
        Assert.Equal(["RISKY-1", "RISKY-2"], items.Select(item => item.GetProperty("contentId").GetString()));
    }

    [Fact]
    public async Task What_did_we_send_for_an_item_last_week()
    {
        await using var on = await OnCall.StartAsync();
        (await on.Host.SubmitAsync(ApiHarness.Item("X-1", "first", more: ""","revision":1"""))).Dispose();
        (await on.Host.SubmitAsync(ApiHarness.Item("X-1", "second", more: ""","revision":2"""))).Dispose();
        on.Begin();
        var shown = await on.RunAsync("show", "X-1");
        Assert.Contains("revision 1, synchronized: SUCCESS", shown, StringComparison.Ordinal);
        Assert.Contains("revision 2, synchronized: SUCCESS", shown, StringComparison.Ordinal);
        Assert.Contains("digest ", shown, StringComparison.Ordinal);

        on.Begin();
        var sent = (await on.GetAsync("/api/content/X-1")).GetProperty("sent").EnumerateArray().ToList();
        Assert.Equal(["1", "2"], sent.Select(request => request.GetProperty("revision").GetString()));
        Assert.All(sent, request => Assert.Equal(64, request.GetProperty("digest").GetString()!.Length));
    }

    [Fact]
    public async Task How_large_is_the_ledger_and_what_is_kept()
    {
        await using var on = await OnCall.StartAsync();
        (await on.Host.SubmitAsync(ApiHarness.Item("GOOD-1"))).Dispose();
        foreach (var fromFolder in (bool[])[false, true])
        {
            on.Begin();
            var status = fromFolder
                ? (await CommandLineProgramRun.RunAsync("status", "--data", on.Host.Data)).Output
                : await on.RunAsync("status");
            Assert.Matches(@"The\s+ledger\s+holds\s+1\s+item\s+in\s+[\d.]+\s+(kB|MB)\.", status);
            Assert.Matches(@"delisted\s+items\s+for\s+400\s+days", status);
        }

        on.Begin();
        var size = await on.GetAsync("/api/ledger");
        Assert.Equal((1, 400), (size.GetProperty("items").GetInt32(), size.GetProperty("historyDays").GetInt32()));
        Assert.InRange(size.GetProperty("bytes").GetInt64(), 4_096, 100_000_000);
    }

    /// <summary>A host, and a person who counts steps.</summary>
    private sealed class OnCall(RunningHost host) : IAsyncDisposable
    {
        private int _steps;

        public RunningHost Host => host;

        public static async Task<OnCall> StartAsync(LocalOptions? options = null)
        {
            var host = await RunningHost.StartAsync(
                options ?? new LocalOptions(), new LocalHostOptions(0) { ApiKey = "the key" }, NullLoggerFactory.Instance);
            host.Client.DefaultRequestHeaders.Add(ApiKey.Header, "the key");
            return new OnCall(host);
        }

        /// <summary>Begins a task.</summary>
        public void Begin() => _steps = 0;

        public async Task<string> RunAsync(params string[] args)
        {
            Step();
            var (_, output, error) = await CommandLineProgramRun.RunAsync([.. args, "--host", host.Address.ToString(), "--api-key", "the key"]);
            Assert.Empty(error);
            return output;
        }

        public async Task<string> RefusedAsync(params string[] args)
        {
            Step();
            var (exit, output, error) = await CommandLineProgramRun.RunAsync([.. args, "--host", host.Address.ToString(), "--api-key", "the key"]);
            Assert.Equal(ExitCodes.Unusable, exit);
            return output + error;
        }

        public async Task<JsonElement> GetAsync(string path)
        {
            Step();
            using var response = await host.Client.GetAsync(new Uri(path, UriKind.Relative));
            return JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement;
        }

        public async Task<JsonElement> PostAsync(string path, string body)
        {
            Step();
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await host.Client.PostAsync(new Uri(path, UriKind.Relative), content);
            return JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement;
        }

        public async Task ParkAsync(string contentId)
        {
            host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
            (await host.SubmitAsync(ApiHarness.Item(contentId))).Dispose();
            await AwaitStateAsync(contentId, SyncState.Parked);
            host.Pipeline.Gateway.Faults = GatewayFaults.None;
        }

        public async Task AwaitStateAsync(string contentId, SyncState state)
        {
            for (var i = 0; i < 1_200; i++)
            {
                if ((await host.Pipeline.Ledger.FindAsync(contentId, CancellationToken.None))?.State == state) return;
                await Task.Delay(50);
            }

            Assert.Fail($"{contentId} is not {state} after a minute.");
        }

        public ValueTask DisposeAsync() => host.DisposeAsync();

        private void Step() => Assert.True(++_steps <= MaxSteps, $"This takes more than {MaxSteps} steps.");
    }
}
