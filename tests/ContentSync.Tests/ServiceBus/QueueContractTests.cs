using System.Text.Json;
using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using ContentSync.Ledger;
using ContentSync.Simulator;

namespace ContentSync.Tests.ServiceBus;

/// <summary>
/// The README's queue contract end to end: from a message that a catalog pipeline sends to AlipayHK, the ledger and the dead-letter queue.
/// </summary>
[Collection(nameof(ServiceBusWorld))]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class QueueContractTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string?> ShortBackOff = new()
    {
        ["Recoverability:BackOff:0"] = "00:00:00.4",
        ["Recoverability:LateEffectWindow"] = "00:00:00",
    };

    private ServiceBusWorld _world = null!;

    public async Task InitializeAsync() => _world = await ServiceBusWorld.OpenAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [SkippableFact]
    public async Task A_message_with_one_item_is_completed_once_the_item_is_synchronized()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(["TEA-1"], _world.Gateway.Snapshot().Keys);
    }

    [SkippableFact]
    public async Task An_array_sends_its_valid_items_and_dead_letters_each_invalid_or_rejected_item_separately()
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
    public async Task The_data_of_a_structured_CloudEvent_is_the_item(string contentType)
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", Event("TEA-1"), contentType);
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
    }

    [SkippableFact]
    public async Task The_body_of_a_binary_CloudEvent_is_the_item_and_its_attributes_may_have_any_AMQP_type()
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
    public async Task A_CloudEvents_batch_sends_the_item_of_each_event_and_dead_letters_an_invalid_event_separately()
    {
        await _world.StartProcessAsync();
        await _world.SendAsync("1", $"[{Event("TEA-1")},{Event("TEA-2")},{{\"specversion\":\"1.0\"}}]", "application/cloudevents-batch+json");
        var dead = Assert.Single(await _world.DeadLettersAsync(1));
        await _world.DoneAsync();
        Assert.Equal(("InvalidMessage", $"{_world.Run}/1/item/2"), (dead.DeadLetterReason, dead.MessageId));
        Assert.Equal(["TEA-1", "TEA-2"], _world.Gateway.Snapshot().Keys.Order());
    }

    [SkippableFact]
    public async Task A_message_may_state_its_schema_and_an_unsupported_schemaVersion_is_dead_lettered()
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
    public async Task An_invalid_message_is_dead_lettered_with_the_field_and_the_rule_it_violates(string body, string named)
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
    public async Task An_item_that_AlipayHK_rejects_is_dead_lettered_with_result_code_request_id_tracer_id_and_the_properties_of_its_message()
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
    public async Task An_item_that_is_parked_after_failed_attempts_is_dead_lettered_with_the_reason(string reason, string maxAge)
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1");
        await _world.StartProcessAsync(new Dictionary<string, string?>(ShortBackOff)
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
    public async Task A_delayed_retry_is_scheduled_as_a_reference_message_with_the_back_off()
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

        // Otherwise the emulator would deliver the reference during another test.
        await using var sender = _world.Client.CreateSender(ServiceBusWorld.ContentQueue);
        await sender.CancelScheduledMessageAsync(reference.SequenceNumber);
    }

    [SkippableFact]
    public async Task Duplicate_detection_drops_no_reference_message_of_repeated_delayed_retries()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*4");
        await _world.StartProcessAsync(ShortBackOff);
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
    public async Task While_the_ledger_is_unavailable_the_message_is_rescheduled_as_a_copy_that_duplicate_detection_does_not_drop()
    {
        _world.Ledger.Unavailable = new LedgerUnavailableException("unavailable");
        await _world.StartProcessAsync(new Dictionary<string, string?>(ShortBackOff)
        {
            ["Signing:NetworkTimeout"] = "00:00:01",
            ["AlipayHk:RequestTimeout"] = "00:00:02.1",
            ["AlipayHk:TotalTimeout"] = "00:00:02.1",
            ["Recoverability:LeaseDuration"] = "00:00:03",
        });
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await Eventually.TrueAsync(
            async () => (await _world.Broker.InspectAsync(ServiceBusWorld.ContentQueue)).Count("activated") == 2, "two copies are enqueued");
        _world.Ledger.Unavailable = null;
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(0, (await _world.Broker.InspectAsync(ServiceBusWorld.ContentQueue)).Count("duplicate dropped"));
    }

    [SkippableFact]
    public async Task The_queue_drops_a_message_whose_MessageId_it_has_seen()
    {
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-1"));
        await _world.SendAsync("1", ServiceBusWorld.Item("TEA-2"));
        await _world.StartProcessAsync();
        await _world.SynchronizedAsync("TEA-1");
        await _world.DoneAsync();
        Assert.Equal(["TEA-1"], _world.Gateway.Snapshot().Keys);
    }

    [SkippableFact]
    public async Task Items_of_a_pack_that_fail_move_from_their_lane_to_the_content_queue()
    {
        _world.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        await _world.StartProcessAsync(ShortBackOff);
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
