using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>Streams one catalog through the pipeline: read, validate, accept, enqueue, and wait for what can be finished now.</summary>
/// <param name="synchronizer">Accepts the items.</param>
/// <param name="queue">Runs them.</param>
/// <param name="tally">Counts them.</param>
/// <param name="time">Clock.</param>
public sealed class CatalogSync(ContentSynchronizer synchronizer, InProcessQueue queue, SyncTally tally, TimeProvider time)
{
    private const int BatchSize = 256;

    /// <summary>Accepted contents that may wait in memory; the reader stops while there are more.</summary>
    private const int MaxActive = 4_096;

    /// <summary>Reads the catalog to its end and hands every valid item to the queue.</summary>
    /// <exception cref="CatalogFormatException">The rest of the catalog cannot be read; what came before it is accepted.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot take more.</exception>
    public async Task ReadAsync(IAsyncEnumerable<CatalogEntry> catalog, CancellationToken cancellationToken)
    {
        var batch = new List<(long Line, ContentItem Item)>(BatchSize);
        await using var entries = catalog.GetAsyncEnumerator(cancellationToken);
        try
        {
            while (await entries.MoveNextAsync().ConfigureAwait(false))
            {
                var entry = entries.Current;
                if (entry.Result.Item is { } item) batch.Add((entry.Line, item));
                else tally.AddInvalid(entry.Line, entry.Result.ContentId, entry.Result.Violations);
                if (batch.Count == BatchSize) await AcceptAsync(batch, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // Also when the catalog breaks off: what was read before the break is as good as ever.
            if (batch.Count > 0 && !cancellationToken.IsCancellationRequested) await AcceptAsync(batch, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until every entry has come to its end, or until nothing has ended for as long as <paramref name="retryTimeout"/>, or a configuration fault has stopped sending.</summary>
    public async Task FinishAsync(TimeSpan retryTimeout, CancellationToken cancellationToken)
    {
        var ended = tally.Ended;
        var since = time.GetTimestamp();
        while (tally.Counts.Pending > 0)
        {
            if (synchronizer.OpenCircuit is { Cause: TripCause.ConfigurationFault } && queue.Active == 0) return;
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken).ConfigureAwait(false);
            if (tally.Ended != ended) (ended, since) = (tally.Ended, time.GetTimestamp());
            else if (time.GetElapsedTime(since) > retryTimeout) return;
        }
    }

    private async Task AcceptAsync(List<(long Line, ContentItem Item)> batch, CancellationToken cancellationToken)
    {
        await queue.WaitForActiveAsync(MaxActive, cancellationToken).ConfigureAwait(false);
        var acceptances = await synchronizer.AcceptAsync(batch.ConvertAll(entry => entry.Item), time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        var messages = new List<SyncMessage>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            var record = acceptances[i].Record;
            if (tally.Add(batch[i].Line, batch[i].Item, acceptances[i])) messages.Add(new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero));
        }

        batch.Clear();
        await queue.EnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
    }
}
