using Azure.Messaging.ServiceBus;
using ContentSync.ServiceBusBroker;

namespace ContentSync.Tests.ServiceBus;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class NamespaceLimitTests : BrokerTest
{
    /// <summary>Allowance for the framing and properties of a message with a short id, in bytes.</summary>
    private const int Envelope = 128;

    private const int Limit = 256 * 1024;

    [Fact]
    public async Task A_message_above_the_max_size_is_refused()
    {
        await SendAsync(Plain, Sized("1", Limit - Envelope));
        Assert.Equal(Limit - Envelope, (await Client.CreateReceiver(Plain).ReceiveMessageAsync()).Body.ToMemory().Length);
        Assert.Equal(ServiceBusFailureReason.MessageSizeExceeded, await FailsAsync(() => SendAsync(Plain, Sized("2", Limit))));
    }

    [Fact]
    public async Task The_max_size_applies_to_a_transfer_of_several_messages()
    {
        var reason = await FailsAsync(() => SendAsync(Plain, Sized("1", Limit / 2), Sized("2", Limit / 2)));
        Assert.Equal(ServiceBusFailureReason.MessageSizeExceeded, reason);
        using var batch = await Client.CreateSender(Plain).CreateMessageBatchAsync();
        Assert.Equal(Limit, batch.MaxSizeInBytes);
        Assert.Empty((await Namespace.InspectAsync(Plain)).History);
    }

    [Fact]
    public async Task The_max_size_applies_to_scheduled_messages() => Assert.Equal(
        ServiceBusFailureReason.MessageSizeExceeded,
        await FailsAsync(() => Client.CreateSender(Plain).ScheduleMessageAsync(Sized("1", Limit), Clock.GetUtcNow().AddHours(1))));

    [Fact]
    public async Task A_throttling_namespace_refuses_sends_and_requests_until_throttling_ends()
    {
        Namespace.IsThrottling = true;
        await using (var client = Connect(TimeSpan.FromSeconds(2)))
        {
            Assert.Equal(ServiceBusFailureReason.ServiceBusy, await FailsAsync(() => client.CreateSender(Plain).SendMessageAsync(Message("1"))));
        }

        Assert.Equal(ServiceBusFailureReason.ServiceBusy, await FailsAsync(() => Client.CreateReceiver(Plain).PeekMessageAsync()));
        Namespace.IsThrottling = false;
        await using var later = Connect();
        await later.CreateSender(Plain).SendMessageAsync(Message("1"));
        Assert.Equal(1, (await Namespace.InspectAsync(Plain)).Count(BrokerMessageState.Ready));
    }

    [Fact]
    public async Task An_outage_fails_sends_and_keeps_all_messages_and_the_same_client_works_afterwards()
    {
        await SendAsync(Plain, Message("1"), Message("2"));
        var sender = Client.CreateSender(Plain);
        await sender.ScheduleMessageAsync(Message("3"), Clock.GetUtcNow().AddHours(1));
        var receiver = Client.CreateReceiver(Plain);
        var held = await receiver.ReceiveMessageAsync();

        Namespace.GoAway();
        Assert.Equal(ServiceBusFailureReason.ServiceCommunicationProblem, await FailsAsync(() => sender.SendMessageAsync(Message("4"))));
        Clock.Advance(TimeSpan.FromHours(1));
        Namespace.ComeBack();

        await sender.SendMessageAsync(Message("5"));
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await FailsAsync(() => receiver.CompleteMessageAsync(held)));
        Assert.Equal(["1", "2", "3", "5"], (await DrainAsync(receiver)).Order());
    }

    [Fact]
    public async Task A_lock_survives_its_connection_and_the_message_can_be_settled_over_a_new_one()
    {
        await SendAsync(Plain, Message("1"));
        await using var retryingClient = new ServiceBusClient(Namespace.ConnectionString);
        var receiver = retryingClient.CreateReceiver(Plain);
        var held = await receiver.ReceiveMessageAsync();
        Namespace.GoAway();
        Namespace.ComeBack();
        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
        await receiver.CompleteMessageAsync(held);
        Assert.Equal(1, (await Namespace.InspectAsync(Plain)).Count("completed"));
    }

    private static ServiceBusMessage Sized(string id, int bytes) => new(new byte[bytes]) { MessageId = id };
}
