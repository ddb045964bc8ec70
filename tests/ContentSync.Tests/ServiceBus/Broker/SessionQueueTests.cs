using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.ServiceBus;

public sealed class SessionQueueTests : BrokerTest
{
    [Fact]
    public async Task A_message_without_a_session_is_refused_however_it_is_sent()
    {
        var sender = Client.CreateSender(Sessions);
        await Assert.ThrowsAsync<InvalidOperationException>(() => sender.SendMessageAsync(Message("1")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => sender.ScheduleMessageAsync(Message("1"), Clock.GetUtcNow().AddMinutes(1)));
        Assert.Empty((await Namespace.InspectAsync(Sessions)).Messages);
    }

    [Fact]
    public async Task Receivers_and_queues_must_agree_on_sessions()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => Client.CreateReceiver(Sessions).ReceiveMessageAsync(Soon));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Client.AcceptSessionAsync(Plain, "A"));
    }

    [Fact]
    public async Task A_session_has_one_holder()
    {
        await SendAsync(Sessions, Message("1", "A"));
        await SendAsync(Sessions, Message("2", "B"));
        await using var a = await Client.AcceptSessionAsync(Sessions, "A");
        Assert.Equal(ServiceBusFailureReason.SessionCannotBeLocked, await FailsAsync(() => Client.AcceptSessionAsync(Sessions, "A")));
        await using var next = await Client.AcceptNextSessionAsync(Sessions);
        Assert.Equal("B", next.SessionId);
    }

    [Fact]
    public async Task Without_a_session_to_give_a_client_waits_for_as_long_as_it_may()
    {
        await using var impatient = Connect(TimeSpan.FromSeconds(1));
        Assert.Equal(ServiceBusFailureReason.ServiceTimeout, await FailsAsync(() => impatient.AcceptNextSessionAsync(Sessions)));
    }

    [Fact]
    public async Task A_message_that_is_due_opens_its_session_to_a_client_that_waits()
    {
        await Client.CreateSender(Sessions).ScheduleMessageAsync(Message("1", "A"), Clock.GetUtcNow().AddHours(1));
        var waiting = Client.AcceptNextSessionAsync(Sessions);
        await Eventually.TrueAsync(async () => (await Namespace.InspectAsync(Sessions)).WaitingForSession == 1, "a client waits");
        Clock.Advance(TimeSpan.FromHours(1));
        await using var session = await waiting;
        Assert.Equal(("A", "1"), (session.SessionId, (await session.ReceiveMessageAsync()).MessageId));
    }

    [Fact]
    public async Task State_outlives_the_lock_and_messages_keep_their_order()
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
    public async Task A_renewed_session_lock_holds_on()
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
    /// Service Bus closes the link of a session whose lock has run out, and so does the broker. Up to 7.20.1 the client then threw
    /// <see cref="ServiceBusException"/> with SessionLockLost; since 7.21.0 it counts the receiver as closed, and mostly throws
    /// <see cref="ObjectDisposedException"/> before it asks the broker. Code that works with sessions has to bear both.
    /// </summary>
    [Fact]
    public async Task A_session_lock_that_runs_out_closes_the_receiver_and_the_next_holder_gets_its_messages()
    {
        await SendAsync(Sessions, Message("1", "A"));
        await using var session = await Client.AcceptSessionAsync(Sessions, "A");
        var message = await session.ReceiveMessageAsync();
        Clock.Advance(LockDuration + TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => session.IsClosed, "the client has heard of it");
        await FailsAsLostAsync(() => session.CompleteMessageAsync(message));
        await FailsAsLostAsync(() => session.RenewSessionLockAsync());

        await using var next = await Client.AcceptNextSessionAsync(Sessions);
        var again = await next.ReceiveMessageAsync();
        Assert.Equal(("1", 2), (again.MessageId, again.DeliveryCount));
        await next.CompleteMessageAsync(again);
    }

    [Fact]
    public async Task A_message_of_a_session_is_dead_lettered_with_its_session()
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
