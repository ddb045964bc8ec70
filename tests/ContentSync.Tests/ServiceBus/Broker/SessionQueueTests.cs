using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.ServiceBus;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class SessionQueueTests : BrokerTest
{
    [Fact]
    public async Task A_message_without_a_session_is_refused_whether_sent_or_scheduled()
    {
        var sender = Client.CreateSender(Sessions);
        await Assert.ThrowsAsync<InvalidOperationException>(() => sender.SendMessageAsync(Message("1")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => sender.ScheduleMessageAsync(Message("1"), Clock.GetUtcNow().AddMinutes(1)));
        Assert.Empty((await Namespace.InspectAsync(Sessions)).Messages);
    }

    [Fact]
    public async Task A_receiver_must_use_sessions_exactly_when_its_queue_does()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => Client.CreateReceiver(Sessions).ReceiveMessageAsync(Soon));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Client.AcceptSessionAsync(Plain, "A"));
    }

    [Fact]
    public async Task Only_one_receiver_can_hold_a_session()
    {
        await SendAsync(Sessions, Message("1", "A"));
        await SendAsync(Sessions, Message("2", "B"));
        await using var a = await Client.AcceptSessionAsync(Sessions, "A");
        Assert.Equal(ServiceBusFailureReason.SessionCannotBeLocked, await FailsAsync(() => Client.AcceptSessionAsync(Sessions, "A")));
        await using var next = await Client.AcceptNextSessionAsync(Sessions);
        Assert.Equal("B", next.SessionId);
    }

    [Fact]
    public async Task Accepting_a_session_times_out_when_none_is_available()
    {
        await using var shortTimeout = Connect(TimeSpan.FromSeconds(1));
        Assert.Equal(ServiceBusFailureReason.ServiceTimeout, await FailsAsync(() => shortTimeout.AcceptNextSessionAsync(Sessions)));
    }

    [Fact]
    public async Task A_waiting_client_gets_a_session_when_a_scheduled_message_is_due()
    {
        await Client.CreateSender(Sessions).ScheduleMessageAsync(Message("1", "A"), Clock.GetUtcNow().AddHours(1));
        var waiting = Client.AcceptNextSessionAsync(Sessions);
        await Eventually.TrueAsync(async () => (await Namespace.InspectAsync(Sessions)).WaitingForSession == 1, "a client waits");
        Clock.Advance(TimeSpan.FromHours(1));
        await using var session = await waiting;
        Assert.Equal(("A", "1"), (session.SessionId, (await session.ReceiveMessageAsync()).MessageId));
    }

    [Fact]
    public async Task Session_state_survives_the_lock_and_messages_keep_their_order()
    {
        await SendAsync(Sessions, Message("1", "A"), Message("2", "A"), Message("3", "A"));
        await using (var session = await Client.AcceptSessionAsync(Sessions, "A"))
        {
            await session.SetSessionStateAsync(new BinaryData("state"));
            await session.AbandonMessageAsync(await session.ReceiveMessageAsync());
            var first = await session.ReceiveMessageAsync();
            Assert.Equal(("1", 2), (first.MessageId, first.DeliveryCount));
            await session.CompleteMessageAsync(first);
            Assert.Equal("2", (await session.ReceiveMessageAsync()).MessageId);
        }

        await Eventually.TrueAsync(async () => (await Namespace.InspectAsync(Sessions)).LockedSessions.Count == 0, "the session is free");
        await using var again = await Client.AcceptNextSessionAsync(Sessions);
        var second = await again.ReceiveMessageAsync();
        Assert.Equal(("2", 1), (second.MessageId, second.DeliveryCount));
        Assert.Equal("state", (await again.GetSessionStateAsync()).ToString());
        Assert.Single((await Namespace.InspectAsync(Sessions)).LockedSessions);
    }

    [Fact]
    public async Task A_session_lock_can_be_renewed()
    {
        await SendAsync(Sessions, Message("1", "A"));
        await using var session = await Client.AcceptSessionAsync(Sessions, "A");
        var until = session.SessionLockedUntil;
        var message = await session.ReceiveMessageAsync();
        Clock.Advance(LockDuration * 0.75);
        await session.RenewSessionLockAsync();
        Assert.True(session.SessionLockedUntil > until);
        Clock.Advance(LockDuration * 0.75);
        await session.CompleteMessageAsync(message);
    }

    /// <summary>
    /// Service Bus closes the link of a session whose lock has expired, and so does the broker. Up to 7.20.1 the client then threw
    /// <see cref="ServiceBusException"/> with SessionLockLost; since 7.21.0 it considers the receiver closed and usually throws
    /// <see cref="ObjectDisposedException"/> without calling the broker. Code that uses sessions must handle both.
    /// </summary>
    [Fact]
    public async Task An_expired_session_lock_closes_the_receiver_and_the_next_holder_gets_its_messages()
    {
        await SendAsync(Sessions, Message("1", "A"));
        await using var session = await Client.AcceptSessionAsync(Sessions, "A");
        var message = await session.ReceiveMessageAsync();
        Clock.Advance(LockDuration + TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => session.IsClosed, "the client sees that the link is closed");
        await FailsAsLostAsync(() => session.CompleteMessageAsync(message));
        await FailsAsLostAsync(() => session.RenewSessionLockAsync());

        await using var next = await Client.AcceptNextSessionAsync(Sessions);
        var again = await next.ReceiveMessageAsync();
        Assert.Equal(("1", 2), (again.MessageId, again.DeliveryCount));
        await next.CompleteMessageAsync(again);
    }

    [Fact]
    public async Task A_dead_lettered_message_keeps_its_session_id()
    {
        await SendAsync(Sessions, Message("1", "A"));
        await using var session = await Client.AcceptSessionAsync(Sessions, "A");
        await session.DeadLetterMessageAsync(await session.ReceiveMessageAsync(), "reason", "description");
        var dead = await NextDeadLetterAsync(Sessions);
        Assert.Equal(("A", "reason"), (dead!.SessionId, dead.DeadLetterReason));
    }

    private static async Task FailsAsLostAsync(Func<Task> action)
    {
        var failure = await Record.ExceptionAsync(action);
        Assert.True(failure is ObjectDisposedException or ServiceBusException { Reason: ServiceBusFailureReason.SessionLockLost }, $"{failure}");
    }
}
