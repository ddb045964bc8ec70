namespace ContentSync.Synchronization;

/// <summary>
/// Schedules items for the synchronizer, now or later. The queue may lose or repeat a message: the ledger knows what is pending,
/// and the sweep enqueues it again.
/// </summary>
public interface ISyncQueue
{
    /// <summary>Enqueues the messages.</summary>
    /// <exception cref="QueueUnavailableException">The queue cannot be reached or refused a message.</exception>
    ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken);
}

/// <summary>Refers to an item in the ledger that the synchronizer should send.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="RequestId">The request that was pending when the message was created.</param>
/// <param name="Hop">
/// Part of the MessageId, with contentId and request id. It grows with every copy, because a broker that detects duplicates drops a
/// message with a known MessageId.
/// </param>
/// <param name="Delay">How long to wait before the message is delivered.</param>
public sealed record SyncMessage(string ContentId, string RequestId, int Hop, TimeSpan Delay);

/// <summary>The queue could not be reached or refused a message.</summary>
public sealed class QueueUnavailableException(string message, Exception? innerException = null) : Exception(message, innerException);
