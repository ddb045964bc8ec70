using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>Streams one catalog through the pipeline: reads, validates, accepts and enqueues every item, then waits for the outcomes.</summary>
public sealed class CatalogSync(
    ContentSynchronizer synchronizer, RefusedVersions refusedVersions, InProcessQueue queue, SyncTally tally, TimeProvider time)
{
    private const int BatchSize = 256;

    /// <summary>Max accepted items waiting in memory; reading is suspended while there are more.</summary>
    private const int MaxActive = 4_096;

    /// <summary>Line of the last entry that was read, if it is no JSON; null in a JSON array.</summary>
    public long? MalformedLine { get; private set; }

    /// <summary>Reads the catalog to its end and enqueues every valid item.</summary>
    /// <param name="catalog">Its entries.</param>
    /// <param name="asOf">When its items count as changed.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CatalogFormatException">The rest of the catalog cannot be read; the items before it are accepted.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot accept items.</exception>
    public async Task ReadAsync(IAsyncEnumerable<CatalogEntry> catalog, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        var batch = new List<(long Line, long Order, ContentItem Item)>(BatchSize);
        var refused = new List<(ContentReadResult Read, DateTimeOffset FirstReceivedAt)>();
        var entries = catalog.GetAsyncEnumerator(cancellationToken);
        await using var closingEntries = entries.ConfigureAwait(false);
        try
        {
            while (await entries.MoveNextAsync().ConfigureAwait(false))
            {
                var entry = entries.Current;
                var order = entry.Line + (entry.Index ?? 0);
                var isMalformed = entry.Index is null && entry.Result.Violations.Any(violation => violation.Code == ViolationCodes.MalformedJson);
                MalformedLine = isMalformed ? entry.Line : null;
                if (entry.Result.Item is { } item)
                {
                    batch.Add((entry.Line, order, item));
                }
                else
                {
                    tally.AddInvalid(entry.Line, entry.Result.ContentId, entry.Result.Violations);
                    refused.Add((entry.Result, asOf.AddTicks(order)));
                }

                if (batch.Count == BatchSize) await AcceptAsync(batch, asOf, cancellationToken).ConfigureAwait(false);
                if (refused.Count == BatchSize) await RecordAsync(refused, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // Even when the catalog is truncated, the items before that point are valid.
            if (!cancellationToken.IsCancellationRequested)
            {
                await AcceptAsync(batch, asOf, cancellationToken).ConfigureAwait(false);
                await RecordAsync(refused, cancellationToken).ConfigureAwait(false);
            }
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
        while (tally.Open > 0)
        {
            if (synchronizer.OpenCircuit is { Cause: TripCause.ConfigurationFault } && queue.Active == 0) return;
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken).ConfigureAwait(false);
            if (tally.Finished != finished) (finished, since) = (tally.Finished, time.GetTimestamp());
            else if (time.GetElapsedTime(since) > retryTimeout) return;
        }
    }

    /// <summary>Records invalid items: AlipayHK may hold an older version of them, which is delisted if so configured.</summary>
    private async Task RecordAsync(List<(ContentReadResult Read, DateTimeOffset FirstReceivedAt)> refused, CancellationToken cancellationToken)
    {
        if (refused.Count == 0) return;
        var delisted = await refusedVersions.RecordAsync(refused, cancellationToken).ConfigureAwait(false);
        refused.Clear();
        foreach (var record in delisted) tally.AddDelisting(record);
        SyncMessage[] messages = [.. delisted.Select(record => new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero))];
        await queue.EnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
    }

    private async Task AcceptAsync(List<(long Line, long Order, ContentItem Item)> batch, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        if (batch.Count == 0) return;
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
