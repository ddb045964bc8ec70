using ContentSync.Budget;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Resync.Lanes;

namespace ContentSync.Tests.Resync;

/// <summary>Runs whose packs and steps a broker carries; each message is processed in a process of its own.</summary>
public sealed class BrokerResyncTests : IDisposable
{
    private const string Pack = ResyncMessages.PackSchema;
    private static readonly TestSnapshot Catalog = TestSnapshot.Of(Enumerable.Range(0, 90).Select(i => ($"id-{i}", "1")));

    private readonly ResyncWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Sends_the_catalog_and_ends_with_counts_that_add_up()
    {
        var broker = new SessionBroker(_world.Time);

        var run = await RunAsync(broker);

        Assert.Equal(ResyncRunState.Completed, run.State);
        Assert.Equal(new RunCounts { Planned = 90, Sent = 90 }, run.Counts);
        Assert.Equal(90, _world.AlipayHk.Calls.Count);
        Assert.Equal(run.Packs, broker.Accepted.Count(message => message.Properties["schema"] is Pack));
        Assert.Empty(await LaneProgressAsync(run));
    }

    [Fact]
    public async Task Counts_and_sends_each_item_once_whatever_the_order_and_repetition_of_messages()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            using var world = new ResyncWorld();
            var run = await RunAsync(new SessionBroker(world.Time, new Random(seed)), world);
            Assert.Equal((seed, ResyncRunState.Completed, new RunCounts { Planned = 90, Sent = 90 }), (seed, run.State, run.Counts));
            Assert.Equal(90, world.AlipayHk.Calls.Count);
        }
    }

    [Fact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public async Task Ends_in_the_same_state_however_often_processes_are_killed()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            using var world = new ResyncWorld();
            var random = new Random(seed);
            var kills = 0;
            var run = await RunAsync(
                new SessionBroker(world.Time, random),
                world,
                () => new KillSwitch(kills++ < 60 && random.Next(3) == 0 ? random.Next(40) : long.MaxValue));

            Assert.Equal((seed, ResyncRunState.Completed), (seed, run.State));
            Assert.Equal(90, run.Counts.Planned);
            Assert.Equal(run.Counts.Planned, run.Counts.Done);
            Assert.Equal(90, world.AlipayHk.Items.Count);
            Assert.All(await world.LedgerAsync(), item => Assert.Equal(SyncState.Synchronized, item.Value.State));
        }
    }

    [Fact]
    public async Task A_failing_item_leaves_its_pack_and_the_run()
    {
        _world.AlipayHk.Fault = id => id == "id-7" ? ("UNKNOWN_EXCEPTION", "U") : id == "id-8" ? ("CONTENT_RISKY", "F") : null;

        var run = await RunAsync(new SessionBroker(_world.Time));

        Assert.Equal(new RunCounts { Planned = 90, Sent = 88, Failed = 1, Parked = 1 }, run.Counts);
        Assert.Equal("id-7", Assert.Single(_world.Singles).ContentId);
    }

    [Fact]
    public async Task During_a_configuration_fault_each_lane_waits_with_its_pack_and_continues_when_the_fault_is_fixed()
    {
        var broker = new SessionBroker(_world.Time);
        var isBroken = true;
        _world.AlipayHk.Fault = _ => isBroken ? ("INVALID_SIGNATURE", "F") : null;
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        await DeliverAsync(broker, _world);
        var packs = broker.Waiting;

        broker.Lose(message => message.Properties["schema"] is not Pack);
        var began = _world.Time.GetUtcNow();
        await DeliverAsync(broker, _world);

        // One pack per lane circulates every five minutes, however many wait.
        var last = broker.Accepted[^1];
        Assert.InRange(_world.Time.GetUtcNow() - began, TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(6));
        Assert.Equal(1, last.Properties["hop"]);
        Assert.EndsWith("/1", last.MessageId, StringComparison.Ordinal);
        Assert.InRange(last.Delay, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
        Assert.Equal(packs - 1, broker.Waiting);
        Assert.InRange(_world.AlipayHk.Calls.Count, 2, 15);

        isBroken = false;
        _world.Time.Advance(StallTimeout);
        Assert.Equal(1, await _world.Runs(broker).ResumeStalledAsync(StallTimeout, default));
        var run = await FinishAsync(broker, _world);
        Assert.Equal(new RunCounts { Planned = 90, Sent = 90 }, run.Counts);
    }

    [Fact]
    public async Task During_a_pause_each_lane_waits_with_its_pack_and_replaces_it_by_a_copy_only_every_25_minutes()
    {
        _world.SendState = new MemorySendStateStore(_world.Time);
        var sendSwitch = new SendSwitch(_world.Time, _world.SendState);
        var broker = new SessionBroker(_world.Time);
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        await DeliverAsync(broker, _world);
        await sendSwitch.PauseAsync(null, "a fault", "Mei", default);
        broker.Lose(message => message.Properties["schema"] is not Pack);
        var began = _world.Time.GetUtcNow();
        await DeliverAsync(broker, _world);

        var last = broker.Accepted[^1];
        Assert.InRange(_world.Time.GetUtcNow() - began, TimeSpan.FromMinutes(24), TimeSpan.FromMinutes(26));
        Assert.Equal((Pack, 1), (last.Properties["schema"], last.Properties["hop"]));
        Assert.Empty(_world.AlipayHk.Calls);

        await sendSwitch.ResumeAsync(null, default);
        _world.Time.Advance(StallTimeout);
        Assert.Equal(1, await _world.Runs(broker).ResumeStalledAsync(StallTimeout, default));
        var run = await FinishAsync(broker, _world);
        Assert.Equal(new RunCounts { Planned = 90, Sent = 90 }, run.Counts);
    }

    [Fact]
    public async Task While_the_ledger_cannot_be_reached_a_pack_waits_and_finally_becomes_a_delayed_copy()
    {
        var broker = new SessionBroker(_world.Time);
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        await DeliverAsync(broker, _world);
        broker.Lose(message => message.Properties["schema"] is not Pack);
        _world.Ledger.Unavailable = new LedgerUnavailableException("away");

        await DeliverAsync(broker, _world);

        var last = broker.Accepted[^1];
        Assert.Equal((Pack, 1, TimeSpan.FromMinutes(1)), (last.Properties["schema"], last.Properties["hop"], last.Delay));
    }

    [Fact]
    public async Task A_step_that_cannot_reach_the_ledger_is_repeated_later()
    {
        var broker = new SessionBroker(_world.Time);
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        _world.Ledger.Unavailable = new LedgerUnavailableException("away");
        await DeliverAsync(broker, _world);
        Assert.InRange(broker.Accepted[^1].Delay, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));

        _world.Ledger.Unavailable = null;
        Assert.Equal(ResyncRunState.Completed, (await FinishAsync(broker, _world)).State);
    }

    [Fact]
    public async Task Enqueues_no_more_packs_than_may_wait()
    {
        _world.Options.MaxWaitingPacks = 4;
        var broker = new SessionBroker(_world.Time);
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        var max = 0;
        while (await DeliverAsync(broker, _world)) max = Math.Max(max, broker.WaitingPacks);

        // A page is enqueued as a whole.
        Assert.InRange(max, 5, 12);
        Assert.InRange(broker.Accepted.Count(message => message.Properties["schema"] is Pack), 18, 40);
        Assert.Equal(90, (await _world.FindRunAsync(Catalog, ResyncRunState.Completed))!.Counts.Sent);
    }

    [Fact]
    public async Task A_run_whose_steps_were_lost_continues_once_it_is_resumed()
    {
        var broker = new SessionBroker(_world.Time);
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        await DeliverAsync(broker, _world);
        broker.Lose(message => message.Properties["schema"] is not Pack);
        while (await DeliverAsync(broker, _world)) { }

        Assert.Equal(0, await _world.Runs(broker).ResumeStalledAsync(StallTimeout, default));
        _world.Time.Advance(StallTimeout);
        Assert.Equal(1, await _world.Runs(broker).ResumeStalledAsync(StallTimeout, default));

        Assert.Equal(new RunCounts { Planned = 90, Sent = 90 }, (await FinishAsync(broker, _world)).Counts);
    }

    [Fact]
    public async Task A_run_that_is_scheduled_repeatedly_is_continued_by_one_step_at_a_time()
    {
        var broker = new SessionBroker(_world.Time);
        var runs = _world.Runs(broker);
        for (var i = 0; i < 5; i++)
        {
            await runs.StartAsync(Catalog, new ResyncParameters(), default);
            _world.Time.Advance(TimeSpan.FromSeconds(31));
        }

        broker.Lose(message => message.Properties["schema"] is Pack);
        for (var i = 0; i < 5; i++) await DeliverAsync(broker, _world);
        broker.Lose(message => message.Properties["schema"] is Pack);

        Assert.Equal(1, broker.Waiting);
    }

    [Fact]
    public async Task A_run_whose_source_is_not_configured_any_more_is_left_alone()
    {
        var broker = new SessionBroker(_world.Time);
        await _world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);

        using var kill = new KillSwitch(long.MaxValue);
        var settlement = await _world.ProcessAsync(new TestSnapshot("") { Name = "another" }, broker.Next()!, broker, kill);

        Assert.IsType<MessageSettlement.Complete>(settlement);
    }

    [Fact]
    public async Task A_message_that_cannot_be_read_is_dead_lettered_with_the_fault()
    {
        var message = new QueueMessage("1", "{}"u8.ToArray(), null, new Dictionary<string, object> { ["schema"] = Pack }, default);
        using var kill = new KillSwitch(long.MaxValue);

        var dead = Assert.IsType<MessageSettlement.DeadLetter>(await _world.ProcessAsync(Catalog, message, new SessionBroker(_world.Time), kill));

        Assert.Equal("InvalidMessage", dead.Reason);
        Assert.Contains("resync-pack", dead.Description, StringComparison.Ordinal);
    }

    private static TimeSpan StallTimeout { get; } = TimeSpan.FromMinutes(45);

    private Task<ResyncRun> RunAsync(SessionBroker broker) => RunAsync(broker, _world);

    private static async Task<ResyncRun> RunAsync(SessionBroker broker, ResyncWorld world, Func<KillSwitch>? kills = null)
    {
        await world.Runs(broker).StartAsync(Catalog, new ResyncParameters(), default);
        return await FinishAsync(broker, world, kills);
    }

    private static async Task<ResyncRun> FinishAsync(SessionBroker broker, ResyncWorld world, Func<KillSwitch>? kills = null)
    {
        for (var messages = 0; await DeliverAsync(broker, world, kills); messages++) Assert.InRange(messages, 0, 5_000);
        return (await world.FindRunAsync(Catalog, ResyncRunState.Completed))!;
    }

    /// <returns>Whether there was a message.</returns>
    private static async Task<bool> DeliverAsync(SessionBroker broker, ResyncWorld world, Func<KillSwitch>? kills = null)
    {
        if (broker.Next() is not { } message) return false;
        using var kill = kills?.Invoke() ?? new KillSwitch(long.MaxValue);
        try
        {
            var settlement = await world.ProcessAsync(Catalog, message, broker, kill, task => PassTimeAsync(world, task));
            kill.Check();
            await broker.SettleAsync(message, settlement);
        }
        catch (Exception) when (kill.IsDead)
        {
            // The leases of the killed process expire.
            world.Time.Advance(TimeSpan.FromMinutes(2));
        }

        return true;
    }

    /// <summary>Advances the clock whenever nothing else happens.</summary>
    private static async Task PassTimeAsync(ResyncWorld world, Task task)
    {
        while (await Task.WhenAny(task, Task.Delay(30)) != task) world.Time.Advance(TimeSpan.FromSeconds(3));
    }

    private async Task<List<LaneProgress>> LaneProgressAsync(ResyncRun run)
    {
        var lanes = new List<LaneProgress>();
        await foreach (var progress in _world.ProgressStore.ListAsync(run.RunId, default)) lanes.Add(progress);
        return lanes;
    }
}
