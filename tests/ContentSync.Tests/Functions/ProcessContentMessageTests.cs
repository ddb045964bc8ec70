using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using ContentSync.AlipayHk;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Simulator;
using ContentSync.Synchronization;
using ContentSync.Tests.FunctionsSdk;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Functions;

public sealed class ProcessContentMessageTests : IAsyncLifetime
{
    private TestHost _host = null!;

    public async Task InitializeAsync() => _host = await TestHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task An_item_is_signed_in_the_vault_sent_verified_and_recorded_and_its_message_completed()
    {
        var settled = await _host.DeliverAsync(TestHost.Item("TEA-1"));
        Assert.Equal(["complete"], settled.Settlements);
        Assert.Equal("TEA-1", Assert.Single(_host.Gateway.Snapshot()).Key);
        Assert.Equal(1, Assert.Single(_host.Vault).Value.Calls);
        Assert.Equal(SyncState.Synchronized, (await RecordAsync("TEA-1")).State);
        Assert.Empty(_host.Bus.Sent);
    }

    [Fact]
    public async Task A_duplicate_item_costs_neither_a_signature_nor_a_request()
    {
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        Assert.Equal(["complete"], (await _host.DeliverAsync(TestHost.Item("TEA-1"), messageId: "message-2")).Settlements);
        Assert.Equal(1, _host.Gateway.Stats.Requests);
        Assert.Equal(1, Assert.Single(_host.Vault).Value.Calls);
    }

    [Fact]
    public async Task An_invalid_message_is_dead_lettered_with_its_error()
    {
        var settled = await _host.DeliverAsync("""{"contentId":"TEA-1","contentType":"SKU","contentStatus":2,"contentInfo":{}}""");
        Assert.Equal(["deadLetter"], settled.Settlements);
        Assert.Equal("InvalidMessage", settled.Reason);
        Assert.Contains("/contentStatus", settled.Description, StringComparison.Ordinal);
        Assert.Equal("TEA-1", settled.Properties["contentId"]);
    }

    [Fact]
    public async Task A_message_whose_body_is_not_bytes_is_dead_lettered()
    {
        var actions = new RecordingMessageActions();
        var value = new AmqpAnnotatedMessage(AmqpMessageBody.FromValue("text"));
        value.Properties.MessageId = new AmqpMessageId("value");
        var message = ServiceBusReceivedMessage.FromAmqpMessage(value, BinaryData.FromBytes(new byte[16]));
        await _host.Function<ProcessContentMessage>().RunAsync(message, actions, CancellationToken.None);
        Assert.Equal(["deadLetter"], actions.Settlements);
        Assert.Equal("InvalidMessage", actions.Reason);
    }

    [Fact]
    public async Task An_item_that_AlipayHK_rejects_is_dead_lettered_with_its_code_and_tracer_id()
    {
        var settled = await _host.DeliverAsync(TestHost.RiskyItem("WATCH-1"));
        Assert.Equal(["deadLetter"], settled.Settlements);
        Assert.Equal("Rejected", settled.Reason);
        Assert.Equal("CONTENT_RISKY", settled.Properties["resultCode"]);
        Assert.NotEqual("", Assert.IsType<string>(settled.Properties["tracerId"]));
        Assert.Equal((await RecordAsync("WATCH-1")).RequestId, settled.Properties["requestId"]);
    }

    [Fact]
    public async Task A_failed_attempt_schedules_a_copy_with_a_new_id_before_it_completes_the_message()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1");
        var actions = new RecordingMessageActions();
        var sentBefore = -1;
        actions.Settling = _ => sentBefore = _host.Bus.Sent.Count;
        await _host.DeliverAsync(TestHost.Item("TEA-1"), actions: actions);

        Assert.Equal(["complete"], actions.Settlements);
        Assert.Equal(1, sentBefore);
        var copy = Assert.Single(_host.Bus.Sent);
        var record = await RecordAsync("TEA-1");
        Assert.Equal($"TEA-1/{record.RequestId}/1", copy.MessageId);
        Assert.Equal(_host.Time.GetUtcNow() + TimeSpan.FromMinutes(1), copy.ScheduledEnqueueTime);
        Assert.All(_host.Bus.Log, sent => Assert.Equal("content", sent.Queue));
    }

    [Fact]
    public async Task Delayed_retries_continue_until_AlipayHK_accepts_the_item_and_no_copy_repeats_an_id()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1*4");
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        for (var i = 0; i < 4; i++)
        {
            var copy = _host.Bus.Sent[^1];
            _host.Time.SetUtcNow(copy.ScheduledEnqueueTime);
            Assert.Equal(["complete"], (await _host.DeliverAsync(copy)).Settlements);
        }

        Assert.Equal(5, _host.Gateway.Stats.Requests);
        Assert.Equal(SyncState.Synchronized, (await RecordAsync("TEA-1")).State);
        Assert.Equal(4, _host.Bus.Sent.Select(message => message.MessageId).Distinct().Count());
        Assert.Equal(0, _host.Gateway.Stats.ReusedRequestIds);
    }

    [Fact]
    public async Task A_message_that_arrives_early_is_rescheduled_under_a_new_id()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        var early = _host.Bus.Sent[0];
        Assert.Equal(["complete"], (await _host.DeliverAsync(early)).Settlements);
        Assert.Equal(early.ScheduledEnqueueTime, _host.Bus.Sent[1].ScheduledEnqueueTime);
        Assert.NotEqual(early.MessageId, _host.Bus.Sent[1].MessageId);
    }

    [Fact]
    public async Task A_throttled_vault_defers_the_item_without_spending_an_attempt()
    {
        await _host.DeliverAsync(TestHost.Item("FIRST"));
        _host.Vault.Values.Single().Fault = _ => throw new Azure.RequestFailedException(429, "slow down");
        var delivery = _host.DeliverAsync(TestHost.Item("TEA-1"));
        while (_host.Vault.Values.Single().Calls < 2) await Task.Delay(5);
        _host.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(["complete"], (await delivery).Settlements);
        Assert.Equal(0, (await RecordAsync("TEA-1")).Attempts);
        Assert.Equal(ClientCodes.SigningUnavailable, (await RecordAsync("TEA-1")).LastAttempt!.Code);
        Assert.Equal(_host.Time.GetUtcNow() + TimeSpan.FromSeconds(10), Assert.Single(_host.Bus.Sent).ScheduledEnqueueTime);
    }

    [Fact]
    public async Task A_configuration_fault_trips_the_circuit_breaker_and_dead_letters_nothing()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("badsignature=1");
        await _host.DeliverAsync(TestHost.Item("TEA-1"), messageId: "one");
        await _host.DeliverAsync(TestHost.Item("TEA-2"), messageId: "two");
        var requests = _host.Gateway.Stats.Requests;
        Assert.Equal(["complete"], (await _host.DeliverAsync(TestHost.Item("TEA-3"), messageId: "three")).Settlements);
        Assert.Equal(requests, _host.Gateway.Stats.Requests);
        Assert.Equal(3, _host.Bus.Sent.Count);
    }

    [Fact]
    public async Task While_the_ledger_is_unavailable_the_message_is_copied_and_keeps_its_receive_time()
    {
        var received = _host.Time.GetUtcNow();
        _host.Ledger.Unavailable = new LedgerUnavailableException("unavailable");
        Assert.Equal(["complete"], (await _host.DeliverAsync(TestHost.Item("TEA-1"), messageId: "from-catalog")).Settlements);
        var copy = Assert.Single(_host.Bus.Sent);
        Assert.Equal("from-catalog/copy/1", copy.MessageId);
        Assert.Equal(TestHost.Item("TEA-1"), copy.Body.ToString());

        _host.Time.SetUtcNow(copy.ScheduledEnqueueTime);
        await _host.DeliverAsync(copy);
        Assert.Equal("from-catalog/copy/2", _host.Bus.Sent[1].MessageId);

        _host.Ledger.Unavailable = null;
        _host.Time.SetUtcNow(_host.Bus.Sent[1].ScheduledEnqueueTime);
        Assert.Equal(["complete"], (await _host.DeliverAsync(_host.Bus.Sent[1])).Settlements);
        Assert.Equal(received, (await RecordAsync("TEA-1")).Version.FirstReceivedAt);
    }

    [Fact]
    public async Task If_the_copy_cannot_be_sent_the_message_stays_unsettled_and_the_broker_redelivers_it()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1");
        _host.Bus.Unavailable = new ServiceBusException("busy", ServiceBusFailureReason.ServiceBusy);
        var actions = new RecordingMessageActions();
        await Assert.ThrowsAsync<QueueUnavailableException>(() => _host.DeliverAsync(TestHost.Item("TEA-1"), actions: actions));
        Assert.Empty(actions.Settlements);
    }

    [Fact]
    public async Task A_shutdown_abandons_the_message_and_spends_no_attempt()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("hang=1");
        using var shutdown = new CancellationTokenSource();
        var actions = new RecordingMessageActions();
        var delivery = _host.DeliverAsync(TestHost.Item("TEA-1"), actions: actions, cancellationToken: shutdown.Token);
        while (_host.Gateway.Stats.Requests == 0) await Task.Delay(5);
        await shutdown.CancelAsync();
        await delivery;
        Assert.Equal(["abandon"], actions.Settlements);
        var record = await RecordAsync("TEA-1");
        Assert.Equal((SyncState.Pending, 0), (record.State, record.Attempts));
    }

    [Fact]
    public async Task A_shutdown_after_processing_does_not_change_the_settlement()
    {
        using var shutdown = new CancellationTokenSource();
        var actions = new RecordingMessageActions { Settling = _ => shutdown.Cancel() };
        await _host.DeliverAsync("{}", actions: actions, cancellationToken: shutdown.Token);
        Assert.Equal(["deadLetter"], actions.Settlements);
    }

    private async Task<SyncRecord> RecordAsync(string contentId) =>
        await _host.Services.GetRequiredService<ISyncLedger>().FindAsync(contentId, CancellationToken.None) ?? throw new InvalidOperationException($"No {contentId}.");
}
