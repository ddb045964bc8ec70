using ContentSync.Synchronization;

namespace ContentSync.Http;

internal static class BestEffortEnqueue
{
    /// <summary>Enqueues what the ledger holds already. A queue that cannot be reached costs time only: the sweep finds what is pending.</summary>
    public static async ValueTask TryEnqueueAsync(this ISyncQueue queue, IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        try
        {
            await queue.EnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
        }
        catch (QueueUnavailableException)
        {
            // In the ledger, so not lost.
        }
    }
}
