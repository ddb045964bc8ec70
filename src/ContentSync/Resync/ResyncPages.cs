using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync;

/// <summary>Some of a run's planned items, after the ledger has accepted them.</summary>
/// <param name="Number">From 0; the same plan always yields the same pages.</param>
/// <param name="Packs">The planned items by lane, including those that are only counted.</param>
public sealed record ResyncPage(long Number, IReadOnlyList<ResyncPack> Packs)
{
    /// <summary>contentIds of its items of which the ledger holds a newer version.</summary>
    public IReadOnlyList<string> Newer { get; init; } = [];
}

/// <summary>
/// Accepts a plan's items into the ledger, page by page: first the lines of the catalog, then the items that the plan names beside them.
/// Those are delisted or, if the ledger itself is the source, sent again.
/// </summary>
public sealed class ResyncPages(
    CatalogReader reader,
    ContentSynchronizer synchronizer,
    ISyncLedger ledger,
    [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    private const int BatchSize = 256;

    /// <summary>Starts with the run's first unfinished page. The ledger has accepted a page when it is returned.</summary>
    /// <exception cref="SnapshotChangedException">The snapshot is not the planned one any more.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger did not accept a page.</exception>
    public async IAsyncEnumerable<ResyncPage> ReadAsync(
        ResyncRun run, ICatalogSnapshot snapshot, CatalogPlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
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

        if (page.Count > 0 && number >= run.Pages)
            yield return await AcceptPageAsync(run, number, page, lanePacks, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<Planned> ReadPlannedAsync(
        ICatalogSnapshot snapshot, CatalogPlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
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
            await foreach (var contentId in plan.NamedAsync(cancellationToken).ConfigureAwait(false)) yield return new Planned(contentId, null);
            yield break;
        }

        var delisted = new DelistedItem(time);
        await foreach (var contentId in plan.NamedAsync(cancellationToken).ConfigureAwait(false))
        {
            // The ledger deletes no records, so every planned item is there.
            var record = await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false);
            yield return new Planned(null, delisted.Of(record ?? throw new InvalidOperationException($"The ledger no longer holds {contentId}.")));
        }
    }

    private async Task<ResyncPage> AcceptPageAsync(
        ResyncRun run, long number, List<Planned> page, long[] lanePacks, CancellationToken cancellationToken)
    {
        var accepted = new List<PackItem>(page.Count);
        for (var at = 0; at < page.Count; at += BatchSize)
        {
            var batch = page.GetRange(at, Math.Min(BatchSize, page.Count - at));
            accepted.AddRange(batch[0].Item is null
                ? await Task.WhenAll(batch.Select(planned => ResendAsync(planned.ContentId!, cancellationToken))).ConfigureAwait(false)
                : await AcceptAsync(run, batch, cancellationToken).ConfigureAwait(false));
        }

        string[] newer = [.. accepted.Where(item => item.Status == PackItemStatus.Superseded).Select(item => item.ContentId)];

        // Of several lines with the same contentId on this page, only the last pending one is sent.
        var last = new Dictionary<string, int>(accepted.Count, StringComparer.Ordinal);
        for (var i = 0; i < accepted.Count; i++)
        {
            if (accepted[i].Status != PackItemStatus.Pending) continue;
            if (last.TryGetValue(accepted[i].ContentId, out var earlier))
                accepted[earlier] = accepted[earlier] with { Status = PackItemStatus.Superseded };
            last[accepted[i].ContentId] = i;
        }

        var packs = accepted
            .GroupBy(item => PlanKey.Of(item.ContentId).Lane(run.Lanes))
            .SelectMany(lane => Packs(run, lane.Key, [.. lane], lanePacks));
        return new ResyncPage(number, [.. packs]) { Newer = newer };
    }

    private async Task<IEnumerable<PackItem>> AcceptAsync(ResyncRun run, List<Planned> batch, CancellationToken cancellationToken)
    {
        // When the run was requested identifies the rollback, so that a page that is accepted again changes nothing.
        DateTimeOffset? overrides = run.Parameters.OverrideNewer ? run.RequestedAt : null;
        var changedAt = run.AsOf ?? run.WrittenAt!.Value;
        var submissions = batch.ConvertAll(planned => synchronizer.Submit(planned.Item!, changedAt) with { OverrideDeclaredAt = overrides });
        var acceptances = await synchronizer.AcceptAsync(submissions, cancellationToken).ConfigureAwait(false);
        return acceptances.Select(acceptance => new PackItem(acceptance.Record.ContentId, acceptance.Record.RequestId, acceptance.Kind switch
        {
            AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending => PackItemStatus.Pending,
            AcceptanceKind.Unchanged or AcceptanceKind.DelistedUnknown => PackItemStatus.Unchanged,
            AcceptanceKind.Superseded => PackItemStatus.Superseded,
            _ => PackItemStatus.Parked,
        }));
    }

    private async Task<PackItem> ResendAsync(string contentId, CancellationToken cancellationToken)
    {
        var record = await ledger.ResendAsync(contentId, cancellationToken).ConfigureAwait(false);
        return new PackItem(contentId, record?.RequestId ?? "", record is null ? PackItemStatus.Parked : PackItemStatus.Pending);
    }

    // A pack has at least the configured size if the lane has enough items: every pack costs the same, however few items it holds.
    private static IEnumerable<ResyncPack> Packs(ResyncRun run, int lane, PackItem[] items, long[] lanePacks)
    {
        var packs = Math.Max(1, items.Length / run.ItemsPerPack);
        for (var i = 0; i < packs; i++)
        {
            var (start, end) = (items.Length * i / packs, items.Length * (i + 1) / packs);
            yield return new ResyncPack(run.RunId, lane, lanePacks[lane]++, items[start..end]);
        }
    }

    /// <summary>An item to accept, or the id of a ledger's item to send again; exactly one of them is null.</summary>
    private readonly record struct Planned(string? ContentId, ContentItem? Item);
}

/// <summary>The snapshot is not the planned one any more.</summary>
public sealed class SnapshotChangedException(ICatalogSnapshot snapshot)
    : IOException($"{snapshot.Name} was changed while it was being sent.");
