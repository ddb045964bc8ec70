using Azure.Messaging.ServiceBus;
using ContentSync.Functions;
using ContentSync.Simulator;
using ContentSync.Tests.FunctionsSdk;

namespace ContentSync.Tests.Functions;

public sealed class ProcessResyncPackTests : IAsyncLifetime
{
    private TestHost _host = null!;

    public async Task InitializeAsync() => _host = await TestHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_pack_of_fifty_items_is_one_message_fifty_requests_and_one_settlement()
    {
        var settled = await DeliverAsync(Enumerable.Range(0, 50).Select(i => TestHost.Item($"SKU-{i}")));
        Assert.Equal(["complete"], settled.Settlements);
        Assert.Empty(_host.Bus.Transfers);
        Assert.Equal(50, _host.Gateway.Snapshot().Count);
        Assert.Equal(50, _host.Gateway.Stats.Requests);
    }

    [Fact]
    public async Task Failed_items_leave_the_pack_as_single_messages_and_each_other_item_is_sent_once()
    {
        var items = Enumerable.Range(0, 50).Select(i => i switch
        {
            7 => """{"contentId":"SKU-7","contentType":"SKU"}""",
            13 => TestHost.RiskyItem("SKU-13"),
            _ => TestHost.Item($"SKU-{i}"),
        });
        var settled = await DeliverAsync(items);
        Assert.Equal(["complete"], settled.Settlements);
        Assert.Equal(48, _host.Gateway.Snapshot().Count);
        Assert.Equal(49, _host.Gateway.Stats.Requests);

        Assert.Equal(["content", "content"], _host.Bus.Log.Select(sent => sent.Queue));
        Assert.All(_host.Bus.Sent, message => Assert.Equal(default, message.ScheduledEnqueueTime));
        var reasons = new Dictionary<string, string?>();
        foreach (var message in _host.Bus.Sent)
        {
            var single = await _host.DeliverAsync(message);
            Assert.Equal(["deadLetter"], single.Settlements);
            reasons[(string)single.Properties["contentId"]] = single.Reason;
        }

        Assert.Equal(new Dictionary<string, string?> { ["SKU-7"] = "InvalidMessage", ["SKU-13"] = "Rejected" }, reasons);
        Assert.Equal(49, _host.Gateway.Stats.Requests);
    }

    [Fact]
    public async Task An_item_to_retry_gets_its_own_back_off_on_the_content_queue()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        await DeliverAsync(Enumerable.Range(0, 10).Select(i => TestHost.Item($"SKU-{i}")));
        var copy = Assert.Single(_host.Bus.Sent);
        Assert.Equal(_host.Time.GetUtcNow() + TimeSpan.FromMinutes(1), copy.ScheduledEnqueueTime);
        Assert.EndsWith("/1", copy.MessageId, StringComparison.Ordinal);
        _host.Time.SetUtcNow(copy.ScheduledEnqueueTime);
        await _host.DeliverAsync(copy);
        Assert.Equal(10, _host.Gateway.Snapshot().Count);
    }

    [Fact]
    public async Task A_redelivered_pack_sends_nothing_twice()
    {
        var items = Enumerable.Range(0, 20).Select(i => TestHost.Item($"SKU-{i}")).ToArray();
        await DeliverAsync(items);
        await DeliverAsync(items);
        Assert.Equal(20, _host.Gateway.Stats.Requests);
    }

    [Fact]
    public async Task A_redelivered_pack_enqueues_its_failed_items_under_the_same_ids()
    {
        var items = new[] { TestHost.Item("SKU-1"), "7", TestHost.RiskyItem("SKU-2") };
        await DeliverAsync(items);
        var first = _host.Bus.Sent.Select(message => message.MessageId).Order().ToArray();
        await DeliverAsync(items);
        Assert.Equal(first, _host.Bus.Sent.Skip(2).Select(message => message.MessageId).Order());
    }

    [Fact]
    public async Task If_an_item_occurs_twice_in_a_pack_the_later_revision_wins()
    {
        await DeliverAsync([TestHost.Item("SKU-1", "old", ""","revision":1"""), TestHost.Item("SKU-1", "new", ""","revision":2""")]);
        Assert.Contains("new", Assert.Single(_host.Gateway.Snapshot()).Value.ContentInfo, StringComparison.Ordinal);
        Assert.Equal(1, _host.Gateway.Stats.Requests);
    }

    private async Task<RecordingMessageActions> DeliverAsync(IEnumerable<string> items)
    {
        var actions = new RecordingMessageActions();
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(
            body: BinaryData.FromString($"[{string.Join(',', items)}]"), messageId: "run-1/3/12", sessionId: "3", enqueuedTime: _host.Time.GetUtcNow());
        await _host.Function<ProcessResyncPack>().RunAsync(message, actions, CancellationToken.None);
        return actions;
    }
}
