using System.Diagnostics;
using ContentSync.Functions;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.FunctionsSdk;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Functions;

public sealed class ServiceBusQueuesTests : IAsyncDisposable
{
    private readonly RecordingServiceBus _bus = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task References_are_sent_in_one_transfer_with_their_schema_and_schedule()
    {
        await Queue().EnqueueAsync([new SyncMessage("A", new string('a', 32), 0, TimeSpan.Zero), new SyncMessage("B", new string('b', 32), 3, TimeSpan.FromHours(2))], CancellationToken.None);
        var messages = Assert.Single(_bus.Transfers);
        Assert.Equal([$"A/{new string('a', 32)}/0", $"B/{new string('b', 32)}/3"], messages.Select(message => message.MessageId));
        Assert.Equal([default, _time.GetUtcNow().AddHours(2)], messages.Select(message => message.ScheduledEnqueueTime));
        Assert.All(messages, message => Assert.Equal("content-reference", message.ApplicationProperties["schema"]));
    }

    [Fact]
    public async Task A_thousand_references_stay_below_the_brokers_limit_per_transfer()
    {
        await Queue().EnqueueAsync([.. Enumerable.Range(0, 1000).Select(i => new SyncMessage($"SKU-{i}", new string('a', 32), 0, TimeSpan.Zero))], CancellationToken.None);
        Assert.Equal(1000, _bus.Sent.Count);
        Assert.All(_bus.Transfers, transfer => Assert.InRange(transfer.Sum(message => message.Body.ToMemory().Length + 512), 1, 256 * 1024));
    }

    [Fact]
    public async Task A_large_message_is_sent_alone()
    {
        var large = new OutgoingMessage("large", new byte[180_000], null, new Dictionary<string, object>(), TimeSpan.Zero);
        await Queue().EnqueueAsync([large, large with { MessageId = "second" }], CancellationToken.None);
        Assert.Equal(2, _bus.Transfers.Count);
    }

    [Fact]
    public async Task A_message_that_exceeds_a_transfer_is_left_to_the_broker_without_an_empty_transfer_before_it()
    {
        var huge = new OutgoingMessage("huge", new byte[900_000], null, new Dictionary<string, object>(), TimeSpan.Zero);
        await Queue().EnqueueAsync([huge], CancellationToken.None);
        Assert.Equal("huge", Assert.Single(Assert.Single(_bus.Transfers)).MessageId);
    }

    [Fact]
    public async Task Messages_with_a_session_go_to_the_resync_queue_in_separate_transfers_per_session()
    {
        var message = new OutgoingMessage("1", "{}"u8.ToArray(), null, new Dictionary<string, object>(), TimeSpan.Zero);
        await Queue().EnqueueAsync(
            [message with { SessionId = "3" }, message with { MessageId = "2", SessionId = "4" }, message with { MessageId = "3", SessionId = "3" }, message with { MessageId = "4" }],
            CancellationToken.None);

        Assert.Equal([["1", "3"], ["2"], ["4"]], _bus.Transfers.Select(transfer => transfer.Select(sent => sent.MessageId!).ToArray()));
        Assert.Equal([("content-resync", "3"), ("content-resync", "3"), ("content-resync", "4"), ("content", null)], _bus.Log.Select(sent => (sent.Queue, (string?)sent.Message.SessionId)));
    }

    [Fact]
    public async Task A_single_message_continues_the_senders_trace_and_each_pack_starts_a_new_one()
    {
        using var step = new Activity("step").Start();
        var message = new OutgoingMessage("1", "{}"u8.ToArray(), null, new Dictionary<string, object>(), TimeSpan.Zero);
        await Queue().EnqueueAsync([message with { SessionId = "3" }, message with { MessageId = "2" }], CancellationToken.None);
        Assert.Equal([null, step.TraceId.ToHexString()], _bus.Traces);
        Assert.Same(step, Activity.Current);
    }

    [Fact]
    public async Task Without_messages_there_is_no_transfer()
    {
        await Queue().EnqueueAsync(Array.Empty<OutgoingMessage>(), CancellationToken.None);
        Assert.Empty(_bus.Transfers);
    }

    [Fact]
    public async Task A_failed_transfer_is_reported_as_an_unavailable_queue()
    {
        SyncMessage[] messages = [new("A", new string('a', 32), 0, TimeSpan.Zero)];
        Exception[] faults = [new UnauthorizedAccessException("no right to send"), new TimeoutException("no response")];
        foreach (var fault in faults)
        {
            _bus.Unavailable = fault;
            await Assert.ThrowsAsync<QueueUnavailableException>(() => Queue().EnqueueAsync(messages, CancellationToken.None).AsTask());
        }
    }

    public ValueTask DisposeAsync() => _bus.DisposeAsync();

    private ServiceBusQueues Queue() => new(_bus.CreateSender("content"), _bus.CreateSender("content-resync"), _time);
}
