using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>Streams one catalog through the pipeline: reads, validates, accepts and enqueues every item, then waits for the outcomes.</summary>
public sealed class CatalogSync(ContentSynchronizer synchronizer, InProcessQueue queue, SyncTally tally, TimeProvider time)
{
    private const int BatchSize = 256;

    /// <summary>Max accepted items waiting in memory; reading is suspended while there are more.</summary>
    private const int MaxActive = 4_096;

    /// <summary>Reads the catalog to its end and enqueues every valid item.</summary>
    /// <param name="catalog">Its entries.</param>
    /// <param name="asOf">When its items count as changed.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CatalogFormatException">The rest of the catalog cannot be read; the items before it are accepted.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot accept items.</exception>
    public async Task ReadAsync(IAsyncEnumerable<CatalogEntry> catalog, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        var batch = new List<(long Line, long Order, ContentItem Item)>(BatchSize);
        await using var entries = catalog.GetAsyncEnumerator(cancellationToken);
        try
        {
            while (await entries.MoveNextAsync().ConfigureAwait(false))
            {
                var entry = entries.Current;
                if (entry.Result.Item is { } item) batch.Add((entry.Line, entry.Line + (entry.Index ?? 0), item));
                else tally.AddInvalid(entry.Line, entry.Result.ContentId, entry.Result.Violations);
                if (batch.Count == BatchSize) await AcceptAsync(batch, asOf, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // Even when the catalog is truncated, the items before that point are valid.
            if (batch.Count > 0 && !cancellationToken.IsCancellationRequested)
                await AcceptAsync(batch, asOf, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Waits until every entry has an outcome, until no entry has got one for <paramref name="retryTimeout"/>, or until a configuration fault
    /// has tripped the circuit breaker.
    /// </summary>
    public async Task FinishAsync(TimeSpan retryTimeout, CancellationToken cancellationToken)
    {
        var finished = tally.Finished;
        var since = time.GetTimestamp();
        while (tally.Counts.Pending > 0)
        {
            if (synchronizer.OpenCircuit is { Cause: TripCause.ConfigurationFault } && queue.Active == 0) return;
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken).ConfigureAwait(false);
            if (tally.Finished != finished) (finished, since) = (tally.Finished, time.GetTimestamp());
            else if (time.GetElapsedTime(since) > retryTimeout) return;
        }
    }

    private async Task AcceptAsync(List<(long Line, long Order, ContentItem Item)> batch, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        await queue.WaitForActiveAsync(MaxActive, cancellationToken).ConfigureAwait(false);
        // A tick for every line: of several lines with the same contentId, the last one counts, however often the catalog is read.
        var submissions = batch.ConvertAll(entry => synchronizer.Submit(entry.Item, asOf.AddTicks(entry.Order)));
        var acceptances = await synchronizer.AcceptAsync(submissions, cancellationToken).ConfigureAwait(false);
        var messages = new List<SyncMessage>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            var record = acceptances[i].Record;
            if (tally.Add(batch[i].Line, batch[i].Item, acceptances[i]))
                messages.Add(new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero));
        }

        batch.Clear();
        await queue.EnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
    }
}
