using Azure.Messaging.ServiceBus;
using ContentSync.Functions;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Functions;

/// <summary>Reads more dead letters than a batch holds. What only a broker can show is in the tests of ServiceBus.</summary>
public sealed class ServiceBusDeadLettersTests
{
    [Fact]
    public async Task Peeks_each_dead_letter_once_across_batches()
    {
        var letters = new ServiceBusDeadLetters(
            new Client(250), new QueueOptions { Content = "content", Resync = "resync" }, TimeProvider.System, NullLogger<ServiceBusDeadLetters>.Instance);
        var numbers = new List<long>();
        await foreach (var letter in letters.PeekAsync(DeadLetterQueue.Content, 1, default))
        {
            numbers.Add(letter.SequenceNumber);
            Assert.True(numbers.Count <= 250, "A batch is read again.");
        }

        Assert.Equal(Enumerable.Range(1, 250).Select(number => (long)number), numbers);
    }

    private sealed class Client(int count) : ServiceBusClient
    {
        public override ServiceBusReceiver CreateReceiver(string queueName, ServiceBusReceiverOptions options) => new Receiver(count);
    }

    private sealed class Receiver(int count) : ServiceBusReceiver
    {
        public override Task<IReadOnlyList<ServiceBusReceivedMessage>> PeekMessagesAsync(
            int maxMessages, long? fromSequenceNumber = null, CancellationToken cancellationToken = default)
        {
            var from = (int)fromSequenceNumber!.Value;
            IReadOnlyList<ServiceBusReceivedMessage> messages =
            [
                .. Enumerable.Range(from, Math.Min(maxMessages, count + 1 - from)).Select(number => ServiceBusModelFactory
                    .ServiceBusReceivedMessage(new BinaryData("{}"), messageId: $"m{number}", sequenceNumber: number)),
            ];
            return Task.FromResult(messages);
        }

        public override Task CloseAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
