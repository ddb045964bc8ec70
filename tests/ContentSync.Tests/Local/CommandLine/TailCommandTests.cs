using System.Text.Json;
using ContentSync.Http;
using ContentSync.Ledger;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Http;
using ContentSync.Tests.Local.Hosting;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.CommandLine;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class TailCommandTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Follows_outcomes_until_ctrl_c(bool usesHost)
    {
        await using var host = await RunningHost.StartAsync();
        (await host.SubmitAsync(ApiHarness.Item("EARLIER-1"))).Dispose();
        await Task.Delay(50);
        await using var tail = Tail.Start(usesHost ? ["--host", host.Address.ToString()] : ["--data", host.Data]);
        await tail.BegunAsync(() => host.SubmitAsync(ApiHarness.Item("PROBE-1")), "PROBE-1");
        host.Pipeline.Gateway!.Faults = ContentSync.Simulator.GatewayFaults.Parse("risky=1");
        (await host.SubmitAsync(ApiHarness.Item("RISKY-1"))).Dispose();
        await tail.WaitForAsync("parked: rejected  RISKY-1  CONTENT_RISKY: ");
        Assert.Equal(ExitCodes.Done, await tail.StopAsync());
        Assert.DoesNotContain("EARLIER-1", tail.Output, StringComparison.Ordinal);
        Assert.Single(tail.Output.Split('\n'), line => line.Contains("RISKY-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Begins_in_the_past_and_filters_and_prints_NDJSON()
    {
        await using var host = await RunningHost.StartAsync();
        (await host.SubmitAsync(ApiHarness.Item("A-1"))).Dispose();
        (await host.SubmitAsync(ApiHarness.Item("B-1"))).Dispose();
        await using var tail = Tail.Start("--data", host.Data, "--from", "1h", "--prefix", "B-", "--ndjson");
        await tail.WaitForAsync("B-1");
        await tail.StopAsync();
        Assert.Equal("B-1", JsonDocument.Parse(tail.Output).RootElement.GetProperty("contentId").GetString());
    }

    [Fact]
    public async Task Goes_on_after_the_host_was_restarted()
    {
        using var folder = new TemporaryFolder();
        var options = new LocalOptions { Data = folder.File("data"), Workers = 2 };
        var pipeline = await LocalPipeline.OpenAsync(options, TimeProvider.System, NullLoggerFactory.Instance, default);
        var host = await LocalHost.StartAsync(pipeline, new LocalHostOptions(0), default);
        var address = host.Address;
        await using var tail = Tail.Start("--host", address.ToString());
        await tail.BegunAsync(() => SubmitAsync(address, "PROBE-1"), "PROBE-1");
        await host.DisposeAsync();
        await pipeline.DisposeAsync();
        await tail.WaitForErrorAsync("Trying again every 1 s.");

        await using var again = await LocalPipeline.OpenAsync(options, TimeProvider.System, NullLoggerFactory.Instance, default);
        await using var restarted = await LocalHost.StartAsync(again, new LocalHostOptions(address.Port), default);
        await tail.WaitForErrorAsync("Connected again.");
        (await SubmitAsync(address, "AFTER-1")).Dispose();
        await tail.WaitForAsync("AFTER-1");
        Assert.Equal(ExitCodes.Done, await tail.StopAsync());
    }

    [Fact]
    public async Task Ends_at_once_if_there_is_no_host()
    {
        var (exit, _, error) = await CommandLineProgramRun.RunAsync("tail", "--host", "http://localhost:1");
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Contains("cannot be reached", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_what_it_shows_after_a_whole_catalog_was_sent()
    {
        var time = new DateTimeOffset(2026, 11, 25, 10, 30, 0, TimeSpan.Zero);
        var follower = new OutcomeFollower(new ListQuery(null, null, null, false), time);
        var (items, leftOut) = await follower.LookAsync(List, CancellationToken.None);
        Assert.Equal((OutcomeFollower.MaxItems, 500), (items.Count, leftOut));
        Assert.Empty((await follower.LookAsync(List, CancellationToken.None)).Items);

        async IAsyncEnumerable<ContentState> List(
            ListQuery query, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            for (var i = 0; i < 1_500; i++) yield return State($"I-{i}", time.AddMilliseconds(i));
        }
    }

    private static ContentState State(string contentId, DateTimeOffset acceptedAt) => new()
    {
        ContentId = contentId,
        ContentStatus = 1,
        Revision = "1",
        State = EnumText.Of(SyncState.Pending),
        Attempts = 0,
        AcceptedAt = acceptedAt,
    };

    private static async Task<HttpResponseMessage> SubmitAsync(Uri address, string contentId)
    {
        using var client = new HttpClient { BaseAddress = address };
        using var body = new StringContent(ApiHarness.Item(contentId), System.Text.Encoding.UTF8, "application/json");
        return await client.PostAsync(new Uri("/api/content", UriKind.Relative), body);
    }

    /// <summary>The command, running in this process.</summary>
    private sealed class Tail : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly StringWriter _output = new();
        private readonly StringWriter _error = new();
        private readonly Task<int> _running;

        private Tail(string[] args) => _running = Task.Run(() => CommandLineProgram.RunAsync(
            ["tail", "--interval", "1", .. args], TextWriter.Synchronized(_output), TextWriter.Synchronized(_error), _stop.Token));

        public string Output => _output.ToString();

        public static Tail Start(params string[] args) => new(args);

        /// <summary>Waits until it follows: it does not show what happened before.</summary>
        public async Task BegunAsync(Func<Task<HttpResponseMessage>> submit, string contentId)
        {
            await Task.Delay(1_500);
            (await submit()).Dispose();
            await WaitForAsync(contentId);
        }

        public Task WaitForAsync(string text) => WaitForAsync(_output, text);

        public Task WaitForErrorAsync(string text) => WaitForAsync(_error, text);

        public async Task<int> StopAsync()
        {
            await _stop.CancelAsync();
            return await _running.WaitAsync(TimeSpan.FromSeconds(20));
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
            await _output.DisposeAsync();
            await _error.DisposeAsync();
        }

        private async Task WaitForAsync(StringWriter writer, string text)
        {
            for (var i = 0; i < 600 && !_running.IsFaulted; i++)
            {
                if (writer.ToString().Contains(text, StringComparison.Ordinal)) return;
                await Task.Delay(50);
            }

            Assert.Fail($"'{text}' was not shown. Output: {_output} Errors: {_error}");
        }
    }
}
