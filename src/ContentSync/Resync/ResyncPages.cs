using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;

namespace ContentSync.Resync;

/// <summary>Some of what a run has planned, as it came out of the ledger.</summary>
/// <param name="Number">From 0; the same plan always makes the same pages.</param>
/// <param name="Packs">What was planned, by lane; with what is only to be counted.</param>
public sealed record ResyncPage(long Number, IReadOnlyList<ResyncPack> Packs);

/// <summary>
/// Takes what is planned into the ledger, a page after the other: first what the catalog holds, then the contents that the plan names
/// beside it, which are delisted, or sent again where the ledger itself is the source.
/// </summary>
public sealed class ResyncPages(CatalogReader reader, ContentSynchronizer synchronizer, ISyncLedger ledger, TimeProvider time)
{
    private const int BatchSize = 256;

    /// <summary>Reads on from the run's first unfinished page. A page is in the ledger when it comes out here.</summary>
    /// <exception cref="SnapshotChangedException">The snapshot is no longer what was planned.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger did not take it.</exception>
    public async IAsyncEnumerable<ResyncPage> ReadAsync(ResyncRun run, ICatalogSnapshot snapshot, CatalogPlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = 0L;
        var pageSize = run.Lanes * run.ItemsPerPack;
        var lanePacks = run.LanePacks.ToArray();
        var page = new List<Planned>(pageSize);
        await foreach (var planned in ReadPlannedAsync(snapshot, plan, cancellationToken).ConfigureAwait(false))
        {
            page.Add(planned);
            if (page.Count < pageSize) continue;
            if (number >= run.Pages) yield return await AcceptPageAsync(run, number, page, lanePacks, cancellationToken).ConfigureAwait(false);
            number++;
            page.Clear();
        }

        if (page.Count > 0 && number >= run.Pages) yield return await AcceptPageAsync(run, number, page, lanePacks, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<Planned> ReadPlannedAsync(ICatalogSnapshot snapshot, CatalogPlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (plan.Selected > 0)
        {
            var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await foreach (var entry in reader.ReadAsync(stream, plan.IsSelected, cancellationToken).ConfigureAwait(false))
                    yield return new Planned(null, entry.Result.Item ?? throw new SnapshotChangedException(snapshot));
            }

            if (!await snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false)) throw new SnapshotChangedException(snapshot);
        }

        if (snapshot is LedgerSnapshot)
        {
            foreach (var contentId in plan.Named()) yield return new Planned(contentId, null);
            yield break;
        }

        var delisted = new DelistedItem(time);
        foreach (var contentId in plan.Named())
        {
            // A ledger forgets nothing, so what was planned is there.
            var record = await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false);
            yield return new Planned(null, delisted.Of(record ?? throw new InvalidOperationException($"The ledger no longer holds {contentId}.")));
        }
    }

    private async Task<ResyncPage> AcceptPageAsync(ResyncRun run, long number, List<Planned> page, long[] lanePacks, CancellationToken cancellationToken)
    {
        var taken = new List<PackItem>(page.Count);
        for (var at = 0; at < page.Count; at += BatchSize)
        {
            var batch = page.GetRange(at, Math.Min(BatchSize, page.Count - at));
            taken.AddRange(batch[0].Item is null
                ? await Task.WhenAll(batch.Select(planned => ResendAsync(planned.ContentId!, cancellationToken))).ConfigureAwait(false)
                : await AcceptAsync(run, batch, cancellationToken).ConfigureAwait(false));
        }

        // Of several lines of the same content on this page the last one that is pending counts, and is sent once.
        var last = new Dictionary<string, int>(taken.Count, StringComparer.Ordinal);
        for (var i = 0; i < taken.Count; i++)
        {
            if (taken[i].Status != PackItemStatus.Pending) continue;
            if (last.TryGetValue(taken[i].ContentId, out var earlier)) taken[earlier] = taken[earlier] with { Status = PackItemStatus.Superseded };
            last[taken[i].ContentId] = i;
        }

        var packs = taken.GroupBy(item => PlanKey.Of(item.ContentId).Lane(run.Lanes)).SelectMany(lane => Packs(run, lane.Key, [.. lane], lanePacks));
        return new ResyncPage(number, [.. packs]);
    }

    private async Task<IEnumerable<PackItem>> AcceptAsync(ResyncRun run, List<Planned> batch, CancellationToken cancellationToken)
    {
        var acceptances = await synchronizer.AcceptAsync(batch.ConvertAll(planned => planned.Item!), run.WrittenAt!.Value, cancellationToken).ConfigureAwait(false);
        return acceptances.Select(acceptance => new PackItem(acceptance.Record.ContentId, acceptance.Record.RequestId, acceptance.Kind switch
        {
            AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending => PackItemStatus.Pending,
            AcceptanceKind.Unchanged => PackItemStatus.Unchanged,
            AcceptanceKind.Superseded => PackItemStatus.Superseded,
            _ => PackItemStatus.Parked,
        }));
    }

    private async Task<PackItem> ResendAsync(string contentId, CancellationToken cancellationToken)
    {
        var record = await ledger.ResendAsync(contentId, cancellationToken).ConfigureAwait(false);
        return new PackItem(contentId, record?.RequestId ?? "", record is null ? PackItemStatus.Parked : PackItemStatus.Pending);
    }

    // No pack is smaller than the set size where the lane has enough: each costs the same, however little is in it.
    private static IEnumerable<ResyncPack> Packs(ResyncRun run, int lane, PackItem[] items, long[] lanePacks)
    {
        var packs = Math.Max(1, items.Length / run.ItemsPerPack);
        for (var i = 0; i < packs; i++)
        {
            var (start, end) = (items.Length * i / packs, items.Length * (i + 1) / packs);
            yield return new ResyncPack(run.RunId, lane, lanePacks[lane]++, items[start..end]);
        }
    }

    /// <summary>A content to be accepted, or one of the ledger's own to be sent again; one of them is null.</summary>
    private readonly record struct Planned(string? ContentId, ContentItem? Item);
}

/// <summary>A snapshot is no longer what was planned.</summary>
public sealed class SnapshotChangedException(ICatalogSnapshot snapshot)
    : IOException($"{snapshot.Name} was changed while it was being sent.");
