using System.Runtime.CompilerServices;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Resync;

/// <summary>Some of what a run has planned, as it came out of the ledger.</summary>
/// <param name="Number">From 0; the same plan always makes the same pages.</param>
/// <param name="Packs">What is to be sent.</param>
/// <param name="Counts">What is not, and why.</param>
public sealed record ResyncPage(long Number, IReadOnlyList<ResyncPack> Packs, RunCounts Counts);

/// <summary>Takes what is planned into the ledger, a page after the other: first what the catalog holds, then what vanished from it.</summary>
public sealed class ResyncPages(CatalogReader reader, ContentSynchronizer synchronizer, ISyncLedger ledger, ResyncOptions options, TimeProvider time)
{
    private const int BatchSize = 256;

    /// <summary>Reads on from the run's first unfinished page. A page is in the ledger when it comes out here.</summary>
    /// <exception cref="IOException">The snapshot is no longer what was planned.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger did not take it.</exception>
    public async IAsyncEnumerable<ResyncPage> ReadAsync(ResyncRun run, ICatalogSnapshot snapshot, CatalogPlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = 0L;
        var pageSize = options.Lanes * options.ItemsPerPack;
        var page = new List<ContentItem>(pageSize);
        await foreach (var item in PlannedAsync(snapshot, plan, cancellationToken).ConfigureAwait(false))
        {
            page.Add(item);
            if (page.Count < pageSize) continue;
            if (number >= run.Pages) yield return await AcceptAsync(run, number, page, cancellationToken).ConfigureAwait(false);
            number++;
            page.Clear();
        }

        if (page.Count > 0 && number >= run.Pages) yield return await AcceptAsync(run, number, page, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<ContentItem> PlannedAsync(ICatalogSnapshot snapshot, CatalogPlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (plan.Selected > 0)
        {
            var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var ordinal = 0L;
                await foreach (var entry in reader.ReadAsync(stream, cancellationToken).ConfigureAwait(false))
                {
                    if (!plan.IsSelected(ordinal++)) continue;
                    yield return entry.Result.Item ?? throw Changed(snapshot);
                }
            }

            if (!await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false)) throw Changed(snapshot);
        }

        var delisted = new DelistedContent(time);
        foreach (var contentId in plan.Vanished())
        {
            // A ledger forgets nothing, so what was planned is there.
            var record = await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false);
            yield return delisted.Of(record ?? throw new InvalidOperationException($"The ledger no longer holds {contentId}."));
        }
    }

    private async Task<ResyncPage> AcceptAsync(ResyncRun run, long number, List<ContentItem> items, CancellationToken cancellationToken)
    {
        var pending = new Dictionary<string, string>(items.Count, StringComparer.Ordinal);
        var counts = new RunCounts();
        for (var at = 0; at < items.Count; at += BatchSize)
        {
            var batch = items.GetRange(at, Math.Min(BatchSize, items.Count - at));
            var acceptances = await synchronizer.AcceptAsync(batch, run.WrittenAt, cancellationToken).ConfigureAwait(false);
            foreach (var acceptance in acceptances) counts += Count(acceptance, pending);
        }

        var packs = pending
            .GroupBy(item => PlanKey.Of(item.Key).Lane(options.Lanes))
            .SelectMany(lane => Packs(run, number, lane.Key, [.. lane.Select(item => new PackItem(item.Key, item.Value))]));
        return new ResyncPage(number, [.. packs], counts);
    }

    private static RunCounts Count(Acceptance acceptance, Dictionary<string, string> pending)
    {
        var record = acceptance.Record;
        switch (acceptance.Kind)
        {
            case AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending:
                // Another line of the same content on this page: the later one counts, and is sent once.
                var isNew = !pending.ContainsKey(record.ContentId);
                pending[record.ContentId] = record.RequestId;
                return isNew ? new RunCounts() : new RunCounts { Superseded = 1 };
            case AcceptanceKind.Unchanged:
                return new RunCounts { Unchanged = 1 };
            case AcceptanceKind.Superseded:
                return new RunCounts { Superseded = 1 };
            default:
                return new RunCounts { Parked = 1 };
        }
    }

    // No pack is smaller than the set size where the lane has enough: each costs the same, however little is in it.
    private IEnumerable<ResyncPack> Packs(ResyncRun run, long page, int lane, PackItem[] items)
    {
        var packs = Math.Max(1, items.Length / options.ItemsPerPack);
        for (var i = 0; i < packs; i++)
        {
            var (start, end) = (items.Length * i / packs, items.Length * (i + 1) / packs);
            yield return new ResyncPack(run.RunId, page, lane, items[start..end]);
        }
    }

    private static IOException Changed(ICatalogSnapshot snapshot) => new($"{snapshot.Name} was changed while it was being sent; the next run plans anew.");
}
