using System.Runtime.CompilerServices;
using Azure.Messaging.ServiceBus;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>The dead-letter queues on Service Bus. They have no sessions, even that of a queue with sessions.</summary>
/// <remarks>
/// The broker cannot hand out a message by its number: messages are received in their order, those that are not meant are held until the end
/// and then released. Their delivery counts rise, which has no effect in a dead-letter queue.
/// </remarks>
public sealed partial class ServiceBusDeadLetters(
    ServiceBusClient client, QueueOptions queues, TimeProvider time, ILogger<ServiceBusDeadLetters> logger) : IDeadLetters
{
    private const int BatchSize = 100;

    /// <summary>Max messages that a call holds to reach those that are meant.</summary>
    private const int MaxHeld = 10_000;

    /// <summary>Max bytes of their bodies.</summary>
    private const long MaxHeldBytes = 64 * 1024 * 1024;

    /// <summary>Releases in flight at the same time.</summary>
    private const int MaxInFlight = 32;

    /// <summary>A caller's request ends after 100 seconds, and the first lock after two minutes.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(60);

    /// <summary>How long to wait for messages before the queue counts as empty.</summary>
    private static readonly TimeSpan EmptyAfter = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan MaxReleaseTime = TimeSpan.FromSeconds(20);

    private static readonly ServiceBusReceiverOptions DeadLetters = new() { SubQueue = SubQueue.DeadLetter };

    /// <inheritdoc/>
    public async IAsyncEnumerable<DeadLetter> PeekAsync(
        DeadLetterQueue queue, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var receiver = client.CreateReceiver(Name(queue), DeadLetters);
        await using var closing = receiver.ConfigureAwait(false);
        while (true)
        {
            IReadOnlyList<ServiceBusReceivedMessage> batch;
            try
            {
                batch = await receiver.PeekMessagesAsync(BatchSize, from, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (ServiceBusFault.IsBroker(e))
            {
                throw Unavailable(queue, e);
            }

            if (batch.Count == 0) yield break;
            foreach (var message in batch) yield return Of(message);
            from = batch[^1].SequenceNumber + 1;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> SettleAsync(
        DeadLetterQueue queue, IReadOnlySet<long> numbers, DeadLetterAction action, CancellationToken cancellationToken)
    {
        var receiver = client.CreateReceiver(Name(queue), DeadLetters);
        await using var closingReceiver = receiver.ConfigureAwait(false);
        var sender = client.CreateSender(Name(queue));
        await using var closingSender = sender.ConfigureAwait(false);
        var held = new HashSet<ServiceBusReceivedMessage>();
        var began = time.GetTimestamp();
        var done = 0;
        var bytes = 0L;
        try
        {
            while (done < numbers.Count && held.Count < MaxHeld && bytes < MaxHeldBytes && time.GetElapsedTime(began) < MaxTime)
            {
                var batch = await receiver.ReceiveMessagesAsync(BatchSize, EmptyAfter, cancellationToken).ConfigureAwait(false);
                if (batch.Count == 0) break;
                held.UnionWith(batch);
                bytes += batch.Sum(message => (long)(MessageSettler.Of(message).Body?.Length ?? 0));
                foreach (var message in batch.Where(message => numbers.Contains(message.SequenceNumber)))
                {
                    if (action == DeadLetterAction.Resubmit)
                        await sender.SendMessageAsync(Resubmission(message), cancellationToken).ConfigureAwait(false);
                    if (await TryCompleteAsync(receiver, message, cancellationToken).ConfigureAwait(false)) done++;
                    held.Remove(message);
                }
            }

            return done;
        }
        catch (Exception e) when (ServiceBusFault.IsBroker(e))
        {
            throw Unavailable(queue, e);
        }
        finally
        {
            if (done > 0) LogSettled(done, Name(queue), action);
            await ReleaseAsync(receiver, held).ConfigureAwait(false);
        }
    }

    /// <summary>A copy of everything that the sender set, with the library's id and properties.</summary>
    private static ServiceBusMessage Resubmission(ServiceBusReceivedMessage message)
    {
        var letter = Of(message);
        var copy = new ServiceBusMessage(message) { MessageId = letter.ResubmittedId, ScheduledEnqueueTime = default };
        copy.ApplicationProperties.Clear();
        foreach (var (name, value) in letter.ResubmittedProperties) copy.ApplicationProperties[name] = value;
        return copy;
    }

    /// <returns>False if the lock was lost: the message stays, and is resubmitted or discarded by another call.</returns>
    private async ValueTask<bool> TryCompleteAsync(
        ServiceBusReceiver receiver, ServiceBusReceivedMessage message, CancellationToken cancellationToken)
    {
        try
        {
            await receiver.CompleteMessageAsync(message, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ServiceBusException e) when (e.Reason == ServiceBusFailureReason.MessageLockLost)
        {
            LogLockLost(message.SequenceNumber);
            return false;
        }
    }

    // Without it, the messages would be unavailable until their locks end.
    private async ValueTask ReleaseAsync(ServiceBusReceiver receiver, HashSet<ServiceBusReceivedMessage> held)
    {
        using var timeout = new CancellationTokenSource(MaxReleaseTime, time);
        try
        {
            foreach (var messages in held.Chunk(MaxInFlight))
                await Task.WhenAll(messages.Select(message => receiver.AbandonMessageAsync(message, null, timeout.Token))).ConfigureAwait(false);
        }
        catch (Exception e) when (ServiceBusFault.IsBroker(e) || e is OperationCanceledException)
        {
            LogNotReleased(held.Count, e.Message);
        }
    }

    private static DeadLetter Of(ServiceBusReceivedMessage message) => new(
        message.SequenceNumber,
        MessageSettler.Of(message),
        message.SessionId,
        message.DeadLetterReason,
        message.DeadLetterErrorDescription,
        message.DeliveryCount);

    private string Name(DeadLetterQueue queue) => queue == DeadLetterQueue.Resync ? queues.Resync : queues.Content;

    private QueueUnavailableException Unavailable(DeadLetterQueue queue, Exception e) => new(
        $"The dead-letter queue of '{Name(queue)}' cannot be read or written. {ServiceBusFault.Sentence(e)}", e);

    [LoggerMessage(
        EventId = 3002, Level = LogLevel.Warning, Message = "{Count} messages in the dead-letter queue of {Queue}: {Action}, as a person asked")]
    private partial void LogSettled(int count, string queue, DeadLetterAction action);

    [LoggerMessage(
        EventId = 3003,
        Level = LogLevel.Warning,
        Message = "The lock of dead letter {SequenceNumber} was lost before it was removed; it stays, although it may have been resubmitted")]
    private partial void LogLockLost(long sequenceNumber);

    [LoggerMessage(
        EventId = 3004,
        Level = LogLevel.Information,
        Message = "Up to {Count} dead letters are unavailable until their locks end, because they could not be released: {Reason}")]
    private partial void LogNotReleased(int count, string reason);
}
