using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Resync.Lanes;

/// <summary>
/// The queue with sessions that carries runs and their packs. It may deliver a message more than once or late; within a session, one
/// consumer at a time receives the messages.
/// </summary>
public interface IResyncQueue
{
    /// <summary>
    /// Enqueues the messages, each on its session. A failure may leave some of them enqueued: enqueueing them again repeats their ids, and
    /// the broker's duplicate detection drops the copies.
    /// </summary>
    /// <exception cref="QueueUnavailableException">The queue did not accept them.</exception>
    ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken);
}
