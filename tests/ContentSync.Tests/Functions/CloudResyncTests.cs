using Azure.Messaging.ServiceBus;
using ContentSync.Catalog;
using ContentSync.Functions;
using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.FunctionsSdk;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Functions;

/// <summary>Runs a resync through the composition root: every message on the resync queue is delivered back to the function.</summary>
public sealed class CloudResyncTests : IAsyncDisposable
{
    private static readonly TestSnapshot Catalog = new(
        string.Concat(Enumerable.Range(0, 60).Select(i => TestHost.Item($"SKU-{i}") + "\n"))
        + TestHost.RiskyItem("SKU-RISKY") + "\n" + "{\"contentId\":\"SKU-INVALID\"}\n");

    private readonly Dictionary<string, ServiceBusMessage> _waiting = new(StringComparer.Ordinal);
    private TestHost _host = null!;
    private int _logPosition;

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task The_timer_requests_a_run_and_its_queue_messages_complete_it()
    {
        await StartAsync(Catalog);

        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Equal(["content-resync"], _host.Bus.Log.Select(sent => sent.Queue));
        await DeliverAllAsync(new Random(1));

        var run = Assert.Single(await _host.Services.GetRequiredService<ResyncRuns>().ListAsync(CancellationToken.None));
        Assert.Equal((ResyncRunState.Completed, 1L), (run.State, run.Plan!.Invalid));
        Assert.Equal(new RunCounts { Planned = 61, Sent = 60, Parked = 1 }, run.Counts);
        Assert.Equal((60, 61), (_host.Gateway.Snapshot().Count, (int)_host.Gateway.Stats.Requests));
        Assert.Contains(_host.Logged, line => line.StartsWith("Information 3201 Resync", StringComparison.Ordinal) && line.Contains("started", StringComparison.Ordinal));
        Assert.Contains(_host.Logged, line => line.StartsWith("Information 2305 Resync", StringComparison.Ordinal) && line.Contains("is Completed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_pack_uses_its_lane_as_session_and_its_id_names_run_lane_and_number()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        await DeliverAllAsync(new Random(1));

        var packs = _host.Bus.Log.Where(sent => sent.Message.ApplicationProperties.TryGetValue("schema", out var schema) && schema is "resync-pack").ToArray();
        Assert.All(packs, pack => Assert.Equal(("content-resync", pack.Message.SessionId), (pack.Queue, pack.Message.MessageId!.Split('/')[1])));
        Assert.All(packs, pack => Assert.Equal(3, pack.Message.MessageId!.Split('/').Length));
        Assert.True(packs.Select(pack => pack.Message.SessionId).Distinct().Count() > 5);
    }

    [Fact]
    public async Task A_second_timer_reports_that_a_run_is_already_in_progress()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Single(await _host.Services.GetRequiredService<ResyncRuns>().ListAsync(CancellationToken.None));
        Assert.Contains(_host.Logged, line => line.Contains("is already in progress", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_catalog_the_timer_logs_the_missing_setting()
    {
        await StartAsync(null);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Empty(_host.Bus.Sent);
        Assert.Contains(_host.Logged, line => line.Contains("Catalog__ContainerUri", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_sweep_resumes_a_stalled_run()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        _logPosition = _host.Bus.Log.Count;
        _host.Time.Advance(SweepPending.Quiet);

        await _host.Function<SweepPending>().RunAsync(new TimerInfo(), CancellationToken.None);
        await DeliverAllAsync(new Random(1));

        Assert.Equal(ResyncRunState.Completed, Assert.Single(await _host.Services.GetRequiredService<ResyncRuns>().ListAsync(CancellationToken.None)).State);
    }

    [Fact]
    public async Task A_host_that_shuts_down_abandons_the_message_for_another_host()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        using var stopping = new CancellationTokenSource();
        await stopping.CancelAsync();
        var actions = await DeliverAsync(_host.Bus.Sent[0], stopping.Token);
        Assert.Equal(["abandon"], actions.Settlements);
    }

    [Fact]
    public async Task A_malformed_pack_is_dead_lettered_with_its_error()
    {
        await StartAsync(Catalog);
        var message = new ServiceBusMessage("{}"u8.ToArray()) { MessageId = "1", SessionId = "3" };
        message.ApplicationProperties["schema"] = "resync-pack";
        var actions = await DeliverAsync(message, CancellationToken.None);
        Assert.Equal(("deadLetter", "InvalidMessage"), (Assert.Single(actions.Settlements), actions.Reason));
        Assert.Contains("resync-pack", actions.Description, StringComparison.Ordinal);
    }

    private async Task StartAsync(ICatalogSource? catalog) => _host = await TestHost.StartAsync(
        services => services.AddSingleton(new ResyncSources(catalog)),
        settings => (settings["Resync:SendsPerSecond"], settings["Resync:ItemsPerPack"]) = ("0", "5"));

    /// <summary>Delivers the waiting messages in random order until none is left; redelivers one in three.</summary>
    private async Task DeliverAllAsync(Random random)
    {
        for (var messages = 0; ; messages++)
        {
            Assert.InRange(messages, 0, 500);
            for (; _logPosition < _host.Bus.Log.Count; _logPosition++)
            {
                var (queue, message) = _host.Bus.Log[_logPosition];
                if (queue == "content-resync") _waiting.TryAdd(message.MessageId!, message);
            }

            var due = _waiting.Values.Where(message => message.ScheduledEnqueueTime <= _host.Time.GetUtcNow()).ToArray();
            if (_waiting.Count == 0) return;

            // Advance the clock between messages so that the signer pool accrues signatures for the next one.
            _host.Time.Advance(TimeSpan.FromSeconds(1));
            if (due.Length == 0) continue;
            var next = due[random.Next(due.Length)];
            var actions = await DeliverAsync(next, CancellationToken.None);
            Assert.Equal(["complete"], actions.Settlements);
            if (random.Next(3) > 0) _waiting.Remove(next.MessageId!);
        }
    }

    private async Task<RecordingMessageActions> DeliverAsync(ServiceBusMessage sent, CancellationToken cancellationToken)
    {
        var actions = new RecordingMessageActions();
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(
            body: sent.Body, messageId: sent.MessageId, sessionId: sent.SessionId, contentType: sent.ContentType, properties: sent.ApplicationProperties, enqueuedTime: _host.Time.GetUtcNow());
        await _host.Function<ProcessResyncPack>().RunAsync(message, actions, cancellationToken);
        return actions;
    }
}
