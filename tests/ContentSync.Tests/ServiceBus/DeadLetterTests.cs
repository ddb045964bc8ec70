using Azure.Messaging.ServiceBus;
using ContentSync.Functions;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.ServiceBus;

/// <summary>Showing, resubmitting and discarding dead letters, with Microsoft's client.</summary>
[Collection(nameof(ServiceBusWorld))]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class DeadLetterTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(500);

    private ServiceBusWorld _world = null!;

    public async Task InitializeAsync() => _world = await ServiceBusWorld.OpenAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [SkippableFact]
    public async Task A_resubmitted_message_keeps_body_time_and_the_senders_properties_but_not_the_diagnosis()
    {
        var message = _world.Message("1", "hello", "text/plain", new Dictionary<string, object> { ["shop"] = 7L, ["hop"] = 3 });
        message.CorrelationId = "order 5";
        await DeadLetterAsync(ServiceBusWorld.ContentQueue, message, "Rejected", new() { ["resultCode"] = "CONTENT_RISKY", ["tracerId"] = "t" });
        var letter = await OneAsync();
        Assert.Equal(("Rejected", "CONTENT_RISKY", "t"), (letter.Reason, letter.Code, letter.TracerId));

        Assert.Equal(1, await ResubmitAsync(letter));
        await using var receiver = _world.Client.CreateReceiver(ServiceBusWorld.ContentQueue);
        var again = await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(("hello", "text/plain", "order 5"), (again.Body.ToString(), again.ContentType, again.CorrelationId));
        Assert.Equal(["hop", "originalMessageId", "receivedAt", "shop"], again.ApplicationProperties.Keys.Order());
        Assert.Equal((7L, 3, $"{_world.Run}/1"), (again.ApplicationProperties["shop"], again.ApplicationProperties["hop"], again.ApplicationProperties["originalMessageId"]));
        Assert.Equal(letter.FirstReceivedAt, MessageSettler.Of(again).ReceivedAt());
        Assert.Null(again.DeadLetterReason);
        Assert.Empty(await LettersAsync());
    }

    [SkippableFact]
    public async Task A_message_that_is_resubmitted_and_dead_lettered_again_and_again_is_never_dropped_as_a_duplicate()
    {
        await DeadLetterAsync(ServiceBusWorld.ContentQueue, _world.Message("1", "hello"), "InvalidMessage");
        var first = (await OneAsync()).FirstReceivedAt;
        for (var round = 0; round < 3; round++)
        {
            var letter = await OneAsync();
            Assert.Equal(first, letter.FirstReceivedAt);
            Assert.Equal(1, await ResubmitAsync(letter));
            await DeadLetterNextAsync(ServiceBusWorld.ContentQueue, "InvalidMessage");
        }

        Assert.Equal("hello", System.Text.Encoding.UTF8.GetString((await OneAsync()).Message.Body!.Value.Span));
    }

    [SkippableFact]
    public async Task A_pack_returns_to_its_lane()
    {
        var pack = _world.Message("pack", "[]");
        pack.SessionId = "12";
        await using var sender = _world.Client.CreateSender(ServiceBusWorld.ResyncQueue);
        await sender.SendMessageAsync(pack);
        await using (var lane = await _world.Client.AcceptSessionAsync(ServiceBusWorld.ResyncQueue, "12"))
            await lane.DeadLetterMessageAsync(await lane.ReceiveMessageAsync(), "InvalidMessage", "why");

        var letter = await OneAsync(DeadLetterQueue.Resync);
        Assert.Equal("12", letter.SessionId);
        Assert.Equal(1, await Letters().SettleAsync(DeadLetterQueue.Resync, new HashSet<long> { letter.SequenceNumber }, DeadLetterAction.Resubmit, CancellationToken.None));
        await using var again = await _world.Client.AcceptSessionAsync(ServiceBusWorld.ResyncQueue, "12");
        Assert.Equal("[]", (await again.ReceiveMessageAsync(TimeSpan.FromSeconds(5))).Body.ToString());
    }

    [SkippableFact]
    public async Task A_process_that_dies_between_sending_and_removing_loses_nothing_and_the_next_attempt_removes_the_message()
    {
        await DeadLetterAsync(ServiceBusWorld.ContentQueue, _world.Message("1", "hello"), "InvalidMessage");
        var letter = await OneAsync();
        var dying = new DyingClient(_world.Client);
        await Assert.ThrowsAsync<QueueUnavailableException>(async () => await Letters(dying)
            .SettleAsync(DeadLetterQueue.Content, new HashSet<long> { letter.SequenceNumber }, DeadLetterAction.Resubmit, CancellationToken.None));
        Assert.Equal(letter.SequenceNumber, (await OneAsync()).SequenceNumber);

        Assert.Equal(1, await ResubmitAsync(letter));
        Assert.Empty(await LettersAsync());
        await using var receiver = _world.Client.CreateReceiver(
            ServiceBusWorld.ContentQueue, new ServiceBusReceiverOptions { ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        Assert.InRange((await receiver.ReceiveMessagesAsync(10, TimeSpan.FromSeconds(2))).Count, 1, 2);
    }

    [SkippableFact]
    public async Task Discards_only_the_chosen_messages_and_leaves_the_others_available_at_once()
    {
        for (var i = 0; i < 5; i++) await DeadLetterAsync(ServiceBusWorld.ContentQueue, _world.Message($"{i}", $"{i}"), "Rejected");
        var letters = await LettersAsync();
        var chosen = new HashSet<long> { letters[3].SequenceNumber, 4_711 };
        Assert.Equal(1, await Letters().SettleAsync(DeadLetterQueue.Content, chosen, DeadLetterAction.Discard, CancellationToken.None));
        var left = await _world.DeadLettersAsync(4);
        Assert.Equal(["0", "1", "2", "4"], left.Select(message => message.Body.ToString()));
        await using var receiver = _world.Client.CreateReceiver(ServiceBusWorld.ContentQueue);
        Assert.Null(await receiver.ReceiveMessageAsync(Soon));
    }

    [SkippableFact]
    public async Task A_resubmitted_item_does_not_overwrite_one_that_was_received_after_it()
    {
        await DeadLetterAsync(ServiceBusWorld.ContentQueue, _world.Message("old", ServiceBusWorld.Item("TEA-1", "old")), "MaxDeliveryCountExceeded");
        await DeadLetterAsync(ServiceBusWorld.ContentQueue, _world.Message("other", ServiceBusWorld.Item("TEA-2", "old")), "MaxDeliveryCountExceeded");
        var process = await _world.StartProcessAsync();
        await _world.SendAsync("new", ServiceBusWorld.Item("TEA-1", "new"));
        await _world.SynchronizedAsync("TEA-1");

        var letters = process.Service<IDeadLetters>();
        var numbers = (await LettersAsync()).Select(letter => letter.SequenceNumber).ToHashSet();
        Assert.Equal(2, await letters.SettleAsync(DeadLetterQueue.Content, numbers, DeadLetterAction.Resubmit, CancellationToken.None));
        await _world.SynchronizedAsync("TEA-2");
        await _world.DoneAsync();
        Assert.Contains("new", System.Text.Json.JsonSerializer.Serialize(_world.Gateway.Snapshot()["TEA-1"]), StringComparison.Ordinal);
        Assert.Equal(2, _world.Gateway.Stats.Requests);
    }

    private ServiceBusDeadLetters Letters(ServiceBusClient? client = null) => new(
        client ?? _world.Client,
        new QueueOptions { Content = ServiceBusWorld.ContentQueue, Resync = ServiceBusWorld.ResyncQueue },
        TimeProvider.System,
        NullLogger<ServiceBusDeadLetters>.Instance);

    private async Task<List<DeadLetter>> LettersAsync(DeadLetterQueue queue = DeadLetterQueue.Content) =>
        await Letters().PeekAsync(queue, 0, CancellationToken.None).ToListAsync();

    private async Task<DeadLetter> OneAsync(DeadLetterQueue queue = DeadLetterQueue.Content) => Assert.Single(await LettersAsync(queue));

    private ValueTask<int> ResubmitAsync(DeadLetter letter) => Letters().SettleAsync(
        DeadLetterQueue.Content, new HashSet<long> { letter.SequenceNumber }, DeadLetterAction.Resubmit, CancellationToken.None);

    private async Task DeadLetterAsync(
        string queue, ServiceBusMessage message, string reason, Dictionary<string, object>? properties = null)
    {
        await _world.SendAsync(queue, message);
        await DeadLetterNextAsync(queue, reason, properties);
    }

    private async Task DeadLetterNextAsync(string queue, string reason, Dictionary<string, object>? properties = null)
    {
        await using var receiver = _world.Client.CreateReceiver(queue);
        var message = await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(5));
        Assert.NotNull(message);
        await receiver.DeadLetterMessageAsync(message, properties ?? [], reason, "why");
    }

    /// <summary>A client whose connection ends before a message can be completed.</summary>
    private sealed class DyingClient(ServiceBusClient client) : ServiceBusClient
    {
        public override ServiceBusSender CreateSender(string queueOrTopicName) => client.CreateSender(queueOrTopicName);

        public override ServiceBusReceiver CreateReceiver(string queueName, ServiceBusReceiverOptions options) =>
            new Receiver(client.CreateReceiver(queueName, options));

        private sealed class Receiver(ServiceBusReceiver receiver) : ServiceBusReceiver
        {
            public override Task<IReadOnlyList<ServiceBusReceivedMessage>> ReceiveMessagesAsync(
                int maxMessages, TimeSpan? maxWaitTime = null, CancellationToken cancellationToken = default) =>
                receiver.ReceiveMessagesAsync(maxMessages, maxWaitTime, cancellationToken);

            public override Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
                Task.FromException(new ServiceBusException("The connection ended.", ServiceBusFailureReason.ServiceCommunicationProblem));

            public override Task AbandonMessageAsync(
                ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = null, CancellationToken cancellationToken = default) =>
                receiver.AbandonMessageAsync(message, propertiesToModify, cancellationToken);

            public override Task CloseAsync(CancellationToken cancellationToken = default) => receiver.CloseAsync(cancellationToken);
        }
    }
}
