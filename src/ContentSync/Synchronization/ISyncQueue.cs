namespace ContentSync.Synchronization;

/// <summary>
/// Wakes the synchronizer up for a content, now or later. It may lose or repeat a message: what is pending stands in the
/// ledger, and the sweep enqueues it again.
/// </summary>
public interface ISyncQueue
{
    /// <summary>Enqueues the messages.</summary>
    /// <exception cref="QueueUnavailableException">The queue did not take them.</exception>
    ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken);
}

/// <summary>Names a content in the ledger that is to be run through the synchronizer.</summary>
/// <param name="ContentId">Which.</param>
/// <param name="RequestId">The request that was pending when the message was made.</param>
/// <param name="Hop">Copies made before this one; with content and request it makes the MessageId, since a broker that detects duplicates drops a copy that reuses one.</param>
/// <param name="Delay">Not before this wait has passed.</param>
public sealed record SyncMessage(string ContentId, string RequestId, int Hop, TimeSpan Delay);

/// <summary>The queue could not be reached or refused a message.</summary>
public sealed class QueueUnavailableException(string message, Exception? innerException = null) : Exception(message, innerException);
