using Azure.Messaging.ServiceBus;
using ContentSync.ServiceBusBroker;
using ContentSync.Simulator;
using ContentSync.Synchronization;

namespace ContentSync.Tests.ServiceBus;

/// <summary>Lost locks, outages, throttling, shutdowns and competing processes while messages are being processed.</summary>
[Collection(nameof(ServiceBusWorld))]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class ServiceBusFaultTests : IAsyncLifetime
{
    /// <summary>Max message size on Service Bus Standard, in bytes.</summary>
    private const int MessageLimit = 256 * 1024;

    private static readonly Dictionary<string, string?> ShortTimeouts = new()
    {
        ["Signing:NetworkTimeout"] = "00:00:01",
        ["AlipayHk:RequestTimeout"] = "00:00:02.1",
        ["AlipayHk:TotalTimeout"] = "00:00:02.1",
        ["Recoverability:LeaseDuration"] = "00:00:03",
        ["Recoverability:BackOff:0"] = "00:00:00.4",
        ["Recoverability:LateEffectWindow"] = "00:00:00",
    };

    private ServiceBusWorld _world = null!;

    public async Task InitializeAsync() => _world = await ServiceBusWorld.OpenAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [SkippableFact]
    public async Task A_lock_lost_while_AlipayHK_hangs_causes_no_concurrent_request_and_loses_no_item()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("hang=1*1");
        var process = await _world.StartProcessAsync(ShortTimeouts);
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await Eventually.TrueAsync(() => _world.Gateway.Stats.Requests == 1, "the request hangs at AlipayHK");
        await _world.Broker.LoseLocksAsync(ServiceBusWorld.ContentQueue);
        await Eventually.TrueAsync(() => process.Delivered.Count == 2, "the message is delivered again");
        Assert.Equal(1, _world.Gateway.Stats.Requests);

        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(2, _world.Gateway.Stats.Requests);
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, Assert.IsType<ServiceBusException>(Assert.Single(process.Failures)).Reason);
        Assert.Empty((await _world.Broker.InspectAsync(ServiceBusNamespace.DeadLetterName(ServiceBusWorld.ContentQueue))).Messages);
    }

    [SkippableFact]
    public async Task Two_processes_share_one_queue_and_the_highest_revision_wins()
    {
        var processes = new[] { await _world.StartProcessAsync(ShortTimeouts), await _world.StartProcessAsync(ShortTimeouts) };
        var messages = (from item in Enumerable.Range(0, 20)
                        from revision in Enumerable.Range(1, 4)
                        select _world.Message($"{item}/{revision}", ServiceBusWorld.Item($"SKU-{item}", $"revision {revision}", revision))).ToArray();
        new Random(1).Shuffle(messages);
        await using var sender = _world.Client.CreateSender(ServiceBusWorld.ContentQueue);
        await sender.SendMessagesAsync(messages);

        await _world.DoneAsync();
        var held = _world.Gateway.Snapshot();
        Assert.Equal(20, held.Count);
        Assert.All(held.Values, content => Assert.Contains("revision 4", content.ContentInfo, StringComparison.Ordinal));
        Assert.All(processes, process => Assert.NotEmpty(process.Delivered));
        Assert.All(processes, process => Assert.Empty(process.Failures));
        Assert.Equal(0, _world.Gateway.Stats.ReusedRequestIds);
    }

    [SkippableFact]
    public async Task After_a_session_lock_is_lost_mid_pack_another_process_finishes_the_pack_without_repeating_requests()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("latency=400ms");
        var first = await _world.StartProcessAsync(ShortTimeouts, sessions => sessions.MaxConcurrentSessions = 1);
        await _world.SendToLaneAsync("3", "1", Pack(20));
        await Eventually.TrueAsync(() => _world.Gateway.Stats.Requests > 0, "the pack is being processed");
        var second = await _world.StartProcessAsync(ShortTimeouts);
        await Eventually.TrueAsync(
            async () => (await _world.Broker.InspectAsync(ServiceBusWorld.ResyncQueue)).WaitingForSession > 0, "the other process waits for a lane");
        await _world.Broker.LoseLocksAsync(ServiceBusWorld.ResyncQueue);
        await Eventually.TrueAsync(() => second.Delivered.Count == 1, "the other process receives the pack");

        await _world.DoneAsync(ServiceBusWorld.ResyncQueue);
        await _world.DoneAsync();
        Assert.Equal((20, 20), (_world.Gateway.Snapshot().Count, (int)_world.Gateway.Stats.Requests));

        // The first process learns of the loss when it settles the message.
        await Eventually.TrueAsync(() => !first.Failures.IsEmpty, "the first process fails to settle");
        var failure = Assert.Single(first.Failures);
        Assert.True(failure is ObjectDisposedException or ServiceBusException { Reason: ServiceBusFailureReason.SessionLockLost });
    }

    [SkippableFact]
    public async Task After_a_session_lock_is_lost_mid_pack_the_same_process_finishes_the_pack_and_then_processes_other_lanes()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("latency=400ms");
        var process = await _world.StartProcessAsync(ShortTimeouts);
        await _world.SendToLaneAsync("3", "1", Pack(20));
        await Eventually.TrueAsync(() => _world.Gateway.Stats.Requests > 0, "the pack is being processed");
        await _world.Broker.LoseLocksAsync(ServiceBusWorld.ResyncQueue);
        await Eventually.TrueAsync(() => process.Delivered.Count == 2, "the process receives the pack again");
        await _world.DoneAsync(ServiceBusWorld.ResyncQueue);
        await _world.DoneAsync();
        Assert.Equal((20, 20), (_world.Gateway.Snapshot().Count, (int)_world.Gateway.Stats.Requests));

        for (var lane = 4; lane < 10; lane++) await _world.SendToLaneAsync($"{lane}", $"{lane}", $"[{ServiceBusWorld.Item($"SKU-LANE-{lane}")}]");
        await _world.DoneAsync(ServiceBusWorld.ResyncQueue);
        Assert.Equal(26, _world.Gateway.Snapshot().Count);
    }

    [SkippableFact]
    public async Task A_256_KB_message_is_processed_and_the_messages_it_produces_are_sent_within_the_size_limit()
    {
        await _world.StartProcessAsync(ShortTimeouts);
        var items = Enumerable.Range(0, 900).Select(i => i % 3 == 0
            ? ServiceBusWorld.Item($"SKU-{i}", Filler(i, 150))
            : $$"""{"contentId":"SKU-{{i}}","contentType":"SKU","name":"{{Filler(i, 180)}}"}""");
        var body = $"[{string.Join(',', items)}]";
        body += new string(' ', MessageLimit - 200 - body.Length);
        await _world.SendAsync("1", body);
        Assert.All(await _world.DeadLettersAsync(600), dead => Assert.Equal("InvalidMessage", dead.DeadLetterReason));
        await _world.DoneAsync();
        Assert.Equal(300, _world.Gateway.Snapshot().Count);
    }

    [SkippableFact]
    public async Task A_Service_Bus_outage_loses_no_item_and_the_process_resumes_when_it_ends()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("latency=1s");
        var process = await _world.StartProcessAsync(ShortTimeouts);
        for (var i = 0; i < 10; i++) await _world.SendAsync($"{i}", ServiceBusWorld.Item($"SKU-{i}"));
        await _world.SendToLaneAsync("3", "pack", Pack(10, "PACK"));
        await Eventually.TrueAsync(() => process.Delivered.Count == 11, "all messages are delivered");
        var broker = _world.Broker;
        broker.GoAway();

        // Requests in progress still finish at AlipayHK, although their messages cannot be settled.
        await Eventually.TrueAsync(() => _world.Gateway.Snapshot().Count == 20, "all items have reached AlipayHK");
        var queue = process.Service<ISyncQueue>();
        await Assert.ThrowsAsync<QueueUnavailableException>(
            () => queue.EnqueueAsync([new SyncMessage("SKU-1", "1", 1, TimeSpan.Zero)], CancellationToken.None).AsTask());
        await Eventually.TrueAsync(() => process.Errors.Any(e => e.ErrorSource == ServiceBusErrorSource.Receive), "the processor reports the outage");

        broker.ComeBack();
        await broker.LoseLocksAsync(ServiceBusWorld.ContentQueue);
        await broker.LoseLocksAsync(ServiceBusWorld.ResyncQueue);
        await _world.DoneAsync();
        await _world.DoneAsync(ServiceBusWorld.ResyncQueue);
        Assert.Equal(20, _world.Gateway.Stats.Requests);

        await _world.SendAsync("after", ServiceBusWorld.Item("SKU-AFTER"));
        await _world.SendToLaneAsync("4", "after", $"[{ServiceBusWorld.Item("PACK-AFTER")}]");
        await _world.SynchronizedAsync("SKU-AFTER");
        await _world.SynchronizedAsync("PACK-AFTER");
    }

    [SkippableFact]
    public async Task When_a_throttled_queue_refuses_the_copy_the_original_message_is_delivered_again()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        var process = await _world.StartProcessAsync(ShortTimeouts);
        await _world.SendAsync("1", ServiceBusWorld.Item("WARM-UP"));
        await _world.SynchronizedAsync("WARM-UP");
        await _world.DoneAsync();

        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*1,latency=300ms");
        await _world.SendAsync("2", ServiceBusWorld.Item("TEA-1"));
        await Eventually.TrueAsync(() => process.Delivered.Count > 2, "the message is delivered");
        _world.Broker.IsThrottling = true;
        await Eventually.TrueAsync(() => !process.Failures.IsEmpty, "the copy is refused");

        // The client waits 10 seconds when the namespace is busy, so the app's timeout for settling may expire before the client's does.
        Assert.True(process.Failures.First() is QueueUnavailableException or OperationCanceledException);
        _world.Broker.IsThrottling = false;
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
    }

    [SkippableFact]
    public async Task A_process_that_shuts_down_while_AlipayHK_hangs_releases_its_message_to_another_process_immediately()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("hang=1*1");
        var first = await _world.StartProcessAsync(ShortTimeouts);
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await Eventually.TrueAsync(() => _world.Gateway.Stats.Requests == 1, "the request hangs at AlipayHK");
        var second = await _world.StartProcessAsync(ShortTimeouts);
        await first.StopAsync();
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Empty(first.Failures);
        Assert.Contains($"{_world.Run}/1", second.Delivered);
    }

    private static string Pack(int items, string prefix = "SKU") =>
        $"[{string.Join(',', Enumerable.Range(0, items).Select(i => ServiceBusWorld.Item($"{prefix}-{i}")))}]";

    // Random, so that compression does not shrink it.
    private static string Filler(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return Convert.ToBase64String(bytes)[..length];
    }
}
