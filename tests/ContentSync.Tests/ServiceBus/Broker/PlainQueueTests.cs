using Azure.Messaging.ServiceBus;
using ContentSync.ServiceBusBroker;

namespace ContentSync.Tests.ServiceBus;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class PlainQueueTests : BrokerTest
{
    [Fact]
    public async Task Messages_arrive_in_order_with_the_properties_that_their_sender_set_and_a_delivery_count()
    {
        var sent = new ServiceBusMessage("body") { MessageId = "1", ContentType = "text/plain", ApplicationProperties = { ["k"] = 5 } };
        await SendAsync(Plain, sent, Message("2"));
        var receiver = Client.CreateReceiver(Plain);
        var message = await receiver.ReceiveMessageAsync();
        Assert.Equal(("1", "body", "text/plain", 1), (message.MessageId, message.Body.ToString(), message.ContentType, message.DeliveryCount));
        Assert.Equal(5, message.ApplicationProperties["k"]);
        Assert.Equal("2", (await receiver.ReceiveMessageAsync()).MessageId);
    }

    [Fact]
    public async Task Peek_returns_messages_without_locking_them()
    {
        await SendAsync(Plain, Message("1"), Message("2"));
        var receiver = Client.CreateReceiver(Plain);
        Assert.Equal(["1", "2"], (await receiver.PeekMessagesAsync(10)).Select(message => message.MessageId));
        Assert.Equal(["1", "2"], await DrainAsync(receiver));
        Assert.Empty(await receiver.PeekMessagesAsync(10, 0));
    }

    [Fact]
    public async Task An_abandoned_message_is_redelivered_immediately_with_a_higher_delivery_count_and_the_modified_properties()
    {
        await SendAsync(Plain, Message("1"), Message("2"));
        var receiver = Client.CreateReceiver(Plain);
        await receiver.AbandonMessageAsync(await receiver.ReceiveMessageAsync(), new Dictionary<string, object> { ["why"] = "later" });
        var again = await receiver.ReceiveMessageAsync();
        Assert.Equal(("1", 2, "later"), (again.MessageId, again.DeliveryCount, (string)again.ApplicationProperties["why"]));
    }

    [Fact]
    public async Task A_dead_lettered_message_carries_the_reason_the_description_and_the_modified_properties()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain);
        var message = await receiver.ReceiveMessageAsync();
        await receiver.DeadLetterMessageAsync(message, new Dictionary<string, object> { ["code"] = "X" }, "reason", "description");
        var dead = await NextDeadLetterAsync(Plain);
        Assert.Equal(("1", "reason", "description"), (dead!.MessageId, dead.DeadLetterReason, dead.DeadLetterErrorDescription));
        Assert.Equal("X", dead.ApplicationProperties["code"]);
        Assert.Equal(Plain, dead.DeadLetterSource);
    }

    [Fact]
    public async Task A_message_that_reaches_the_max_delivery_count_is_dead_lettered()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain);
        for (var delivery = 1; delivery <= 3; delivery++)
        {
            var message = await receiver.ReceiveMessageAsync();
            Assert.Equal(delivery, message.DeliveryCount);
            await receiver.AbandonMessageAsync(message);
        }

        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
        Assert.Equal("MaxDeliveryCountExceeded", (await NextDeadLetterAsync(Plain))!.DeadLetterReason);
    }

    [Fact]
    public async Task A_message_can_be_settled_only_once()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain);
        var message = await receiver.ReceiveMessageAsync();
        await receiver.CompleteMessageAsync(message);
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await FailsAsync(() => receiver.CompleteMessageAsync(message)));
    }

    [Fact]
    public async Task A_deferred_message_is_received_only_by_its_sequence_number()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain);
        var message = await receiver.ReceiveMessageAsync();
        await receiver.DeferMessageAsync(message);
        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
        await receiver.CompleteMessageAsync(await receiver.ReceiveDeferredMessageAsync(message.SequenceNumber));
        Assert.Empty((await Namespace.InspectAsync(Plain)).Messages);
    }

    [Fact]
    public async Task ReceiveAndDelete_removes_the_message_from_the_queue()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain, new ServiceBusReceiverOptions { ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        Assert.Equal("1", (await receiver.ReceiveMessageAsync()).MessageId);
        Assert.Empty((await Namespace.InspectAsync(Plain)).Messages);
    }

    [Fact]
    public async Task A_message_is_dropped_after_its_time_to_live()
    {
        await SendAsync(Plain, new ServiceBusMessage("1") { MessageId = "1", TimeToLive = TimeSpan.FromMinutes(5) });
        Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Null(await Client.CreateReceiver(Plain).ReceiveMessageAsync(Soon));
        Assert.Equal(1, (await Namespace.InspectAsync(Plain)).Count("expired"));
    }

    [Fact]
    public async Task Sending_to_an_unknown_queue_fails_with_MessagingEntityNotFound() =>
        Assert.Equal(ServiceBusFailureReason.MessagingEntityNotFound, await FailsAsync(() => SendAsync("unknown", Message("1"))));

    [Fact]
    public async Task Scheduled_messages_arrive_when_due_with_a_new_sequence_number_and_cancelled_messages_never_arrive()
    {
        var sender = Client.CreateSender(Plain);
        var receiver = Client.CreateReceiver(Plain);
        var now = Clock.GetUtcNow();
        var cancelled = await sender.ScheduleMessageAsync(Message("1"), now.AddHours(3));
        var second = await sender.ScheduleMessageAsync(Message("2"), now.AddHours(2));
        await sender.SendMessageAsync(new ServiceBusMessage("3") { MessageId = "3", ScheduledEnqueueTime = now.AddHours(1) });
        Assert.All(await receiver.PeekMessagesAsync(10), message => Assert.Equal(ServiceBusMessageState.Scheduled, message.State));
        await sender.CancelScheduledMessageAsync(cancelled);
        Assert.Equal(ServiceBusFailureReason.MessageNotFound, await FailsAsync(() => sender.CancelScheduledMessageAsync(cancelled)));

        Clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
        Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(["3"], await DrainAsync(receiver));
        Clock.Advance(TimeSpan.FromHours(3));
        var due = await receiver.ReceiveMessageAsync();
        Assert.Equal("2", due.MessageId);
        Assert.True(due.SequenceNumber > second);
        await receiver.CompleteMessageAsync(due);
        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
    }

    [Fact]
    public async Task After_a_lock_expires_the_next_receiver_gets_the_message_and_the_first_can_no_longer_settle_it()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain);
        var first = await receiver.ReceiveMessageAsync();
        Clock.Advance(LockDuration + TimeSpan.FromSeconds(1));
        var second = await Client.CreateReceiver(Plain).ReceiveMessageAsync();
        Assert.Equal(2, second.DeliveryCount);
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await FailsAsync(() => receiver.CompleteMessageAsync(first)));
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await FailsAsync(() => receiver.RenewMessageLockAsync(first)));
    }

    [Fact]
    public async Task A_message_lock_can_be_renewed()
    {
        await SendAsync(Plain, Message("1"));
        var receiver = Client.CreateReceiver(Plain);
        var message = await receiver.ReceiveMessageAsync();
        var until = message.LockedUntil;
        Clock.Advance(LockDuration * 0.75);
        await receiver.RenewMessageLockAsync(message);
        Assert.True(message.LockedUntil > until);
        Clock.Advance(LockDuration * 0.75);
        await receiver.CompleteMessageAsync(message);
        Assert.Equal(0, (await Namespace.InspectAsync(Plain)).Count("lock expired"));
    }

    [Fact]
    public async Task Closing_a_receiver_does_not_release_its_lock_before_it_expires()
    {
        await SendAsync(Plain, Message("1"));
        await using (var closed = Client.CreateReceiver(Plain)) await closed.ReceiveMessageAsync();
        var receiver = Client.CreateReceiver(Plain);
        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
        Clock.Advance(LockDuration + TimeSpan.FromSeconds(1));
        Assert.Equal(2, (await receiver.ReceiveMessageAsync()).DeliveryCount);
    }

    [Fact]
    public async Task A_receiver_whose_receive_timed_out_keeps_no_messages_locked()
    {
        var receiver = Client.CreateReceiver(Plain);
        Assert.Empty(await receiver.ReceiveMessagesAsync(20, Soon));

        await SendAsync(Plain, [.. Enumerable.Range(0, 30).Select(i => Message($"{i}"))]);

        // The link still has credit: the broker sends twenty messages, and the client releases them because nobody waits for them.
        await Eventually.TrueAsync(
            async () => await Namespace.InspectAsync(Plain) is var held
                && (held.Count(BrokerMessageState.Locked), held.Count(BrokerMessageState.Ready)) == (0, 30),
            "no message is locked");
        Assert.Equal(20, (await receiver.ReceiveMessagesAsync(20, Soon)).Count);
    }

    /// <summary>Guards against a race in the AMQP library that appears within a few hundred requests: see the broker's SessionWindow.</summary>
    [Fact]
    public async Task Long_series_of_requests_and_messages_complete()
    {
        var receiver = Client.CreateReceiver(Plain, new ServiceBusReceiverOptions { PrefetchCount = 20 });
        for (var i = 0; i < 500; i++) await receiver.PeekMessageAsync(0);
        for (var i = 0; i < 20; i++) await SendAsync(Plain, [.. Enumerable.Range(0, 50).Select(n => Message($"{i}/{n}"))]);
        for (var i = 0; i < 1000; i++) await receiver.CompleteMessageAsync(await receiver.ReceiveMessageAsync());
        Assert.Empty((await Namespace.InspectAsync(Plain)).Messages);
    }

    [Fact]
    public async Task Duplicates_are_dropped_whether_sent_in_a_batch_singly_or_scheduled()
    {
        var sender = Client.CreateSender(Duplicates);
        await SendAsync(Duplicates, Message("1"), Message("2"), Message("1"));
        await sender.SendMessageAsync(Message("1"));
        Assert.True(await sender.ScheduleMessageAsync(Message("1"), Clock.GetUtcNow().AddMinutes(1)) > 0);
        Clock.Advance(TimeSpan.FromMinutes(2));
        var receiver = Client.CreateReceiver(Duplicates);
        Assert.Equal(["1", "2"], await DrainAsync(receiver));
        Assert.Equal(3, (await Namespace.InspectAsync(Duplicates)).Count("duplicate dropped"));
    }

    [Fact]
    public async Task Duplicate_detection_remembers_an_id_for_the_whole_window_even_after_its_message_is_completed()
    {
        var receiver = Client.CreateReceiver(Duplicates);
        await SendAsync(Duplicates, Message("1"));
        Assert.Equal(["1"], await DrainAsync(receiver));
        await SendAsync(Duplicates, Message("1"));
        Assert.Empty(await DrainAsync(receiver));
        Clock.Advance(DuplicateWindow + TimeSpan.FromSeconds(1));
        await SendAsync(Duplicates, Message("1"));
        Assert.Equal(["1"], await DrainAsync(receiver));
    }

    [Fact]
    public async Task Sending_a_message_drops_the_scheduled_message_with_the_same_id()
    {
        var sender = Client.CreateSender(Duplicates);
        await sender.ScheduleMessageAsync(Message("1"), Clock.GetUtcNow().AddMinutes(1));
        await sender.SendMessageAsync(Message("1"));
        Assert.Equal(0, (await Namespace.InspectAsync(Duplicates)).Count(BrokerMessageState.Scheduled));
        Assert.Equal(["1"], await DrainAsync(Client.CreateReceiver(Duplicates)));
    }
}
