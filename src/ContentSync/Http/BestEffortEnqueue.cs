using ContentSync.Synchronization;

namespace ContentSync.Http;

internal static class BestEffortEnqueue
{
    /// <summary>
    /// Enqueues items that the ledger already holds. If the queue is unavailable, they are only delayed: the sweep enqueues pending items.
    /// </summary>
    public static async ValueTask TryEnqueueAsync(this ISyncQueue queue, IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        try
        {
            await queue.EnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
        }
        catch (QueueUnavailableException)
        {
            // The ledger holds the items, so nothing is lost.
        }
    }
}
