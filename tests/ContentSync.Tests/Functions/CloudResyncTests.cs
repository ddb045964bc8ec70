using Azure.Messaging.ServiceBus;
using ContentSync.Catalog;
using ContentSync.Functions;
using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.FunctionsSdk;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Functions;

/// <summary>A resync through the composition root: what the host sends to the resync queue is delivered to its function again.</summary>
public sealed class CloudResyncTests : IAsyncDisposable
{
    private static readonly TestSnapshot Catalog = new(
        string.Concat(Enumerable.Range(0, 60).Select(i => TestHost.Item($"SKU-{i}") + "\n")) + TestHost.RiskyItem("SKU-RISKY") + "\n" + "{\"contentId\":\"SKU-UNSOUND\"}\n");

    private readonly Dictionary<string, ServiceBusMessage> _waiting = new(StringComparer.Ordinal);
    private TestHost _host = null!;
    private int _read;

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task The_timer_asks_for_a_run_and_the_queue_carries_it_to_its_end()
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
    public async Task Packs_go_on_the_sessions_of_their_lanes_with_ids_that_tell_run_lane_and_number()
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
    public async Task A_second_timer_finds_the_run_under_way()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Single(await _host.Services.GetRequiredService<ResyncRuns>().ListAsync(CancellationToken.None));
        Assert.Contains(_host.Logged, line => line.Contains("is already in progress", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_catalog_the_timer_says_so()
    {
        await StartAsync(null);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Empty(_host.Bus.Sent);
        Assert.Contains(_host.Logged, line => line.Contains("Catalog__ContainerUri", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_sweep_wakes_a_run_that_nobody_carries_on()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        _read = _host.Bus.Log.Count;
        _host.Time.Advance(SweepPending.Quiet);

        await _host.Function<SweepPending>().RunAsync(new TimerInfo(), CancellationToken.None);
        await DeliverAllAsync(new Random(1));

        Assert.Equal(ResyncRunState.Completed, Assert.Single(await _host.Services.GetRequiredService<ResyncRuns>().ListAsync(CancellationToken.None)).State);
    }

    [Fact]
    public async Task A_host_that_shuts_down_leaves_the_step_to_another()
    {
        await StartAsync(Catalog);
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        using var stopping = new CancellationTokenSource();
        await stopping.CancelAsync();
        var actions = await DeliverAsync(_host.Bus.Sent[0], stopping.Token);
        Assert.Equal(["abandon"], actions.Settlements);
    }

    [Fact]
    public async Task A_message_that_is_no_pack_is_dead_lettered_with_the_fault()
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

    /// <summary>Delivers what waits until nothing does: in any order, and one in three twice.</summary>
    private async Task DeliverAllAsync(Random random)
    {
        for (var messages = 0; ; messages++)
        {
            Assert.InRange(messages, 0, 500);
            for (; _read < _host.Bus.Log.Count; _read++)
            {
                var (queue, message) = _host.Bus.Log[_read];
                if (queue == "content-resync") _waiting.TryAdd(message.MessageId!, message);
            }

            var due = _waiting.Values.Where(message => message.ScheduledEnqueueTime <= _host.Time.GetUtcNow()).ToArray();
            if (_waiting.Count == 0) return;

            // The clock goes on between two messages, so that the pool has signatures saved for the next.
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
