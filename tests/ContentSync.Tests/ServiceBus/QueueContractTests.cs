using System.Text.Json;
using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using ContentSync.Ledger;
using ContentSync.Simulator;

namespace ContentSync.Tests.ServiceBus;

/// <summary>The README's queue contract, from a catalog pipeline's send to AlipayHK, ledger and dead-letter queue.</summary>
[Collection(nameof(ServiceBusWorld))]
public sealed class QueueContractTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string?> QuickRetries = new()
    {
        ["Recoverability:BackOff:0"] = "00:00:00.4",
        ["Recoverability:SettleTime"] = "00:00:00",
    };

    private ServiceBusWorld _world = null!;

    public async Task InitializeAsync() => _world = await ServiceBusWorld.OpenAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [SkippableFact]
    public async Task One_item_is_sent_to_AlipayHK_and_its_message_completed()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(["TEA-1"], _world.Gateway.Snapshot().Keys);
    }

    [SkippableFact]
    public async Task Of_an_array_the_good_items_are_sent_and_each_bad_one_is_dead_lettered_alone()
    {
        await _world.StartProcessAsync();
        const string invalid = """{"contentId":"TEA-2","contentType":"SKU","contentStatus":2,"contentInfo":{}}""";
        await _world.SendAsync("1", $"[{ServiceBusWorld.Item("TEA-1")},{invalid},{ServiceBusWorld.RiskyItem("TEA-3")},7]");
        var dead = await _world.DeadLettersAsync(3);
        await _world.DoneAsync();
        Assert.Equal(["InvalidMessage", "InvalidMessage", "Rejected"], dead.Select(message => message.DeadLetterReason).Order());
        Assert.Contains(dead, message => message.DeadLetterErrorDescription.Contains("/contentStatus", StringComparison.Ordinal));
        Assert.Equal(["TEA-1"], _world.Gateway.Snapshot().Keys);
    }

    [SkippableTheory]
    [InlineData("application/cloudevents+json")]
    [InlineData("application/cloudevents+json; charset=utf-8")]
    public async Task A_structured_CloudEvent_is_its_data(string contentType)
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", Event("TEA-1"), contentType);
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
    }

    [SkippableFact]
    public async Task A_binary_CloudEvent_is_its_body_whatever_type_its_attributes_have_on_the_wire()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"), "application/json", new Dictionary<string, object>
        {
            ["cloudEvents_specversion"] = "1.0",
            ["cloudEvents_id"] = "1",
            ["cloudEvents_source"] = new Uri("/shop", UriKind.Relative),
            ["cloudEvents_type"] = "content.changed",
            ["cloudEvents_time"] = DateTimeOffset.UtcNow,
        });
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
    }

    [SkippableFact]
    public async Task A_batch_of_CloudEvents_is_the_data_of_each_and_a_bad_one_is_dead_lettered_alone()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", $"[{Event("TEA-1")},{Event("TEA-2")},{{\"specversion\":\"1.0\"}}]", "application/cloudevents-batch+json");
        var dead = Assert.Single(await _world.DeadLettersAsync(1));
        await _world.DoneAsync();
        Assert.Equal(("InvalidMessage", $"{_world.Run}/1/item/2"), (dead.DeadLetterReason, dead.MessageId));
        Assert.Equal(["TEA-1", "TEA-2"], _world.Gateway.Snapshot().Keys.Order());
    }

    [SkippableFact]
    public async Task Schema_and_version_may_be_named()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"), null, new() { ["schema"] = "content", ["schemaVersion"] = 1 });
        await _world.SendAsync("2", ServiceBusWorld.Item("TEA-2"), null, new() { ["schema"] = "content", ["schemaVersion"] = 2 });
        var dead = Assert.Single(await _world.DeadLettersAsync(1));
        Assert.Contains("schemaVersion", dead.DeadLetterErrorDescription, StringComparison.Ordinal);
        await _world.SynchronizedAsync("TEA-1");
    }

    [SkippableTheory]
    [InlineData("""{"contentId":"TEA-1","contentType":"SKU","contentStatus":2,"contentInfo":{}}""", "/contentStatus")]
    [InlineData("""{"contentId":"TEA-1","contentStatus":1,"contentInfo":{}}""", "/contentType")]
    [InlineData("not JSON", "JSON")]
    [InlineData("", "empty")]
    public async Task What_cannot_be_used_is_dead_lettered_with_field_and_rule(string body, string named)
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", body);
        var dead = Assert.Single(await _world.DeadLettersAsync(1));
        Assert.Equal("InvalidMessage", dead.DeadLetterReason);
        Assert.Contains(named, dead.DeadLetterErrorDescription, StringComparison.Ordinal);
        Assert.True(dead.ApplicationProperties.ContainsKey("resultCode"));
        Assert.Equal(0, _world.Gateway.Stats.Requests);
    }

    [SkippableFact]
    public async Task A_body_that_is_an_AMQP_value_is_dead_lettered()
    {
        await _world.StartProcessAsync();
        var message = _world.Message("1", "");
        message.GetRawAmqpMessage().Body = AmqpMessageBody.FromValue(ServiceBusWorld.Item("TEA-1"));
        await _world.SendAsync(ServiceBusWorld.ContentQueue, message);
        Assert.Equal("InvalidMessage", Assert.Single(await _world.DeadLettersAsync(1)).DeadLetterReason);
    }

    [SkippableFact]
    public async Task What_AlipayHK_rejects_is_dead_lettered_with_its_code_and_trace_and_its_own_properties()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", ServiceBusWorld.RiskyItem("TEA-1"), null, new Dictionary<string, object> { ["tenant"] = "shop" });
        var dead = Assert.Single(await _world.DeadLettersAsync(1));
        Assert.Equal(("Rejected", "shop"), (dead.DeadLetterReason, (string)dead.ApplicationProperties["tenant"]));
        Assert.Equal(("TEA-1", "CONTENT_RISKY"), ((string)dead.ApplicationProperties["contentId"], (string)dead.ApplicationProperties["resultCode"]));
        Assert.Equal((await _world.RecordAsync("TEA-1")).RequestId, dead.ApplicationProperties["requestId"]);
        Assert.NotEqual("", Assert.IsType<string>(dead.ApplicationProperties["tracerId"]));
        Assert.Equal(ServiceBusWorld.RiskyItem("TEA-1"), dead.Body.ToString());
    }

    [SkippableTheory]
    [InlineData("AttemptsExhausted", "3.00:00:00")]
    [InlineData("AgeExceeded", "00:00:00.001")]
    public async Task What_is_given_up_on_is_dead_lettered_with_the_reason(string reason, string maxAge)
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1");
        await _world.StartProcessAsync(new Dictionary<string, string?>(QuickRetries)
        {
            ["Recoverability:MaxAttempts"] = "2",
            ["Recoverability:BreakerThreshold"] = "1",
            ["Recoverability:ProbeInterval"] = "00:00:00.2",
            ["Recoverability:MaxAge"] = maxAge,
        });
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        var dead = Assert.Single(await _world.DeadLettersAsync(1));
        Assert.Equal((reason, "UNKNOWN_EXCEPTION"), (dead.DeadLetterReason, (string)dead.ApplicationProperties["resultCode"]));
        Assert.Equal("TEA-1", dead.ApplicationProperties["contentId"]);
    }

    [SkippableFact]
    public async Task What_must_be_tried_again_goes_on_as_a_reference_with_its_delay()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        await _world.StartProcessAsync();
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await using var receiver = _world.Client.CreateReceiver(ServiceBusWorld.ContentQueue);
        ServiceBusReceivedMessage? reference = null;
        await Eventually.TrueAsync(
            async () =>
            {
                reference = (await receiver.PeekMessagesAsync(10, 0)).SingleOrDefault(message => message.State == ServiceBusMessageState.Scheduled);
                return reference is not null;
            },
            "a reference is scheduled");

        Assert.Equal("content-reference", reference!.ApplicationProperties["schema"]);
        Assert.Equal(1, reference.ApplicationProperties["schemaVersion"]);
        Assert.Equal("TEA-1", JsonDocument.Parse(reference.Body).RootElement.GetProperty("contentId").GetString());
        Assert.InRange(reference.ScheduledEnqueueTime - DateTimeOffset.UtcNow, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(async () => (await receiver.PeekMessagesAsync(10, 0)).Count == 1, "the message itself is completed");

        // An emulator would deliver it to another test.
        await using var sender = _world.Client.CreateSender(ServiceBusWorld.ContentQueue);
        await sender.CancelScheduledMessageAsync(reference.SequenceNumber);
    }

    [SkippableFact]
    public async Task No_copy_falls_to_duplicate_detection_however_often_an_item_is_tried_again()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*4");
        await _world.StartProcessAsync(QuickRetries);
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(5, _world.Gateway.Stats.Requests);
        Assert.Equal(0, _world.Gateway.Stats.ReusedRequestIds);

        var history = await _world.Broker.InspectAsync(ServiceBusWorld.ContentQueue);
        Assert.Equal((4, 4, 0), (history.Count("scheduled"), history.Count("activated"), history.Count("duplicate dropped")));
        Assert.Equal(5, history.Count("completed"));
    }

    [SkippableFact]
    public async Task While_the_ledger_is_away_the_message_goes_on_as_a_copy_and_no_copy_falls_to_duplicate_detection()
    {
        _world.Ledger.Unavailable = new LedgerUnavailableException("away");
        await _world.StartProcessAsync(new Dictionary<string, string?>(QuickRetries)
        {
            ["Signing:NetworkTimeout"] = "00:00:01",
            ["AlipayHk:AttemptTimeout"] = "00:00:02.1",
            ["AlipayHk:TotalTimeout"] = "00:00:02.1",
            ["Recoverability:LeaseDuration"] = "00:00:03",
        });
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await Eventually.TrueAsync(
            async () => (await _world.Broker.InspectAsync(ServiceBusWorld.ContentQueue)).Count("activated") == 2, "two copies have come");
        _world.Ledger.Unavailable = null;
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(0, (await _world.Broker.InspectAsync(ServiceBusWorld.ContentQueue)).Count("duplicate dropped"));
    }

    [SkippableFact]
    public async Task A_MessageId_that_was_used_before_is_dropped_by_the_queue()
    {
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-2"));
        await _world.StartProcessAsync();
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(["TEA-1"], _world.Gateway.Snapshot().Keys);
    }

    [SkippableFact]
    public async Task A_pack_is_one_message_and_what_fails_leaves_its_lane_for_the_content_queue()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        await _world.StartProcessAsync(QuickRetries);
        var items = Enumerable.Range(0, 20).Select(i => i == 7 ? ServiceBusWorld.RiskyItem($"SKU-{i}") : ServiceBusWorld.Item($"SKU-{i}"));
        await _world.SendToLaneAsync("3", "1", $"[{string.Join(',', items)}]");
        Assert.Equal("SKU-7", Assert.Single(await _world.DeadLettersAsync(1)).ApplicationProperties["contentId"]);
        await Eventually.TrueAsync(() => _world.Gateway.Snapshot().Count == 19, "19 items are synchronized");
        await _world.DoneAsync();
        Assert.Equal(21, _world.Gateway.Stats.Requests);
    }

    private static string Event(string contentId) =>
        $$$"""{"specversion":"1.0","id":"{{{contentId}}}","source":"/shop","type":"content.changed","data":{{{ServiceBusWorld.Item(contentId)}}}}""";
}
