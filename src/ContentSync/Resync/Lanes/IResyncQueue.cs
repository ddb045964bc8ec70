using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Resync.Lanes;

/// <summary>The queue with sessions that carries runs and their packs. It may repeat a message or bring it late; within a session one consumer at a time takes them.</summary>
public interface IResyncQueue
{
    /// <summary>Enqueues the messages, each on the session that it names. A failure may leave some of them enqueued: enqueueing them again repeats their ids, which the broker's duplicate detection knows.</summary>
    /// <exception cref="QueueUnavailableException">The queue did not take them.</exception>
    ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken);
}
