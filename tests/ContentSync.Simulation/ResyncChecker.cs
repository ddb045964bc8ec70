using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>Checks resyncs against its own comparison of the catalog with the store.</summary>
internal sealed class ResyncChecker(World world, ContentReader reader)
{
    // The defaults of the options, which no plan changes.
    private const double MaxDelistShare = 0.10;
    private const double MaxShrinkShare = 0.20;

    private readonly Dictionary<string, ExportedCatalog> _exports = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Process, string Digest), Comparison> _comparisons = [];
    private readonly Dictionary<string, HashSet<string>> _plans = new(StringComparer.Ordinal);
    private readonly HashSet<string> _plansInUse = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lanes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _sending = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ended = new(StringComparer.Ordinal);
    private long? _handledItems;

    /// <summary>An export was written.</summary>
    public void Exported(SimulatedCatalog.ExportedFile file)
    {
        var items = new Dictionary<string, ContentItem>(StringComparer.Ordinal);
        foreach (var line in file.Items)
        {
            var item = reader.Read(Encoding.UTF8.GetBytes(line.ToJson())).Item!;
            items[item.ContentId] = item;
        }

        _exports.Add(file.Digest, new ExportedCatalog(file, items));
    }

    /// <summary>A process compared the catalog with the items that it had read from the ledger.</summary>
    public void Planned(string process, string digest, IReadOnlyList<ScannedItem> scanned, PlanResult result, IReadOnlyList<string> delisted, bool isIntact)
    {
        var catalog = _exports[digest];
        if (catalog.File.IsTruncated || !isIntact)
        {
            if (result.Plan is not null) Report(Invariant.ResyncAddsUp, "an incomplete catalog was planned");
            return;
        }

        if (result.Plan is not { } plan)
        {
            Report(Invariant.ResyncAddsUp, $"a complete catalog was refused: {result.Fault!.Message}");
            return;
        }

        var listed = scanned.Where(item => item.ContentStatus == ContentStatus.Valid && !WasNeverOnSale(item)).ToList();
        var vanished = listed
            .Where(item => !catalog.Items.ContainsKey(item.ContentId) && item.AcceptedAt <= catalog.File.At)
            .Select(item => item.ContentId)
            .ToHashSet(StringComparer.Ordinal);
        if (!vanished.SetEquals(delisted))
        {
            Report(
                Invariant.DelistedAsPlanned,
                $"the plan delists {string.Join(", ", delisted)}, but {string.Join(", ", vanished)} vanished");
        }

        CheckCounts(plan.Counts, scanned.ToDictionary(item => item.ContentId, StringComparer.Ordinal), catalog);
        _comparisons[(process, digest)] = new Comparison(listed.Count, vanished.Count, catalog.Items.Count);
    }

    /// <summary>AlipayHK rejected the only version that it ever got, so there is nothing to take off sale.</summary>
    private static bool WasNeverOnSale(ScannedItem item) =>
        item is { State: SyncState.Parked, ParkReason: ParkReason.Rejected, IsUnknownToAlipayHk: true };

    private void CheckCounts(PlanCounts counts, Dictionary<string, ScannedItem> scanned, ExportedCatalog catalog)
    {
        var added = catalog.Items.Keys.Count(contentId => !scanned.ContainsKey(contentId));
        var unchanged = catalog.Items.Values.Count(item =>
            scanned.TryGetValue(item.ContentId, out var known) && known.Hash == item.Hash
            && known is not { State: SyncState.Parked, ParkReason: not ParkReason.Rejected });
        if (counts.New == added && counts.Unchanged == unchanged && counts.Changed + counts.Newer == catalog.Items.Count - added - unchanged) return;
        Report(
            Invariant.ResyncAddsUp,
            $"the plan has {counts.New} new, {counts.Changed} changed and {counts.Unchanged} unchanged items, "
            + $"but {added} are new and {unchanged} unchanged of {catalog.Items.Count}");
    }

    /// <summary>A pack was enqueued to the broker.</summary>
    public void Enqueued(ResyncPack pack, int lane)
    {
        foreach (var item in pack.Items)
        {
            if (_lanes.TryAdd(item.ContentId, lane) || _lanes[item.ContentId] == lane) continue;
            Report(Invariant.OneLane, $"{item.ContentId} was in lane {_lanes[item.ContentId]} and is now in lane {lane}");
        }
    }

    public void PlanSaved(string planId, IEnumerable<string> vanished) => _plans[planId] = vanished.ToHashSet(StringComparer.Ordinal);

    /// <summary>The runs of a source were written.</summary>
    public void Written(string process, ResyncHistory history)
    {
        var run = history.Runs[0];
        var done = run.Counts.Done;
        if (run.Counts.Planned < done) Report(Invariant.ResyncAddsUp, $"run {run.RunId} accounts for {done} of {run.Counts.Planned} items");
        if (run.PlanId is { } planId) _plansInUse.Add(planId);
        if (run.State == ResyncRunState.Sending && _sending.Add(run.RunId) && run.Source != LedgerSource.SourceName) CheckGuard(process, run);
        if (run.IsInProgress || !_ended.Add(run.RunId)) return;
        if (run.State == ResyncRunState.Completed && run.Counts.Planned != done)
            Report(Invariant.ResyncAddsUp, $"run {run.RunId} is completed but accounts for {done} of {run.Counts.Planned} items");
        if (run is { State: ResyncRunState.Completed, LeftUnknown: > 0 } && world.Lanes is { Waiting: 0, DeadLetters: 0 })
            Report(Invariant.ResyncAddsUp, $"run {run.RunId}: {run.Message} No message of it is left");
        if (run.State == ResyncRunState.Completed && run.Source != LedgerSource.SourceName) _handledItems = _exports[run.Digest!].Items.Count;
    }

    /// <summary>A record was written.</summary>
    public void Written(SyncRecord? old, SyncRecord next)
    {
        if (old is not { ContentStatus: ContentStatus.Valid } || next.ContentStatus != ContentStatus.Invalid) return;
        if (world.Invariants.Versions.IsDelistedByCaller(next.ContentId)) return;
        if (!_plansInUse.Any(plan => _plans.TryGetValue(plan, out var vanished) && vanished.Contains(next.ContentId)))
            Report(Invariant.DelistedAsPlanned, $"{next.ContentId} is delisted, but no run planned it");
    }

    /// <summary>The final catalog was resynced, and nothing happened since.</summary>
    public void CheckEnd()
    {
        var file = world.Catalog.Newest!;
        var runs = world.Resyncs.Find("catalog")?.Runs;
        if (runs?.FirstOrDefault(run => run.State != ResyncRunState.HandledAlready) is not { State: ResyncRunState.Completed } last
            || last.Digest != file.Digest)
        {
            Report(Invariant.ResyncAddsUp, "the final catalog was not resynced");
            return;
        }

        var items = _exports[file.Digest].Items;
        foreach (var record in world.Store.Records)
        {
            var isNewer = record.Order.ChangedAt > file.At || record.AcceptedAt > file.At;
            var differs = items.TryGetValue(record.ContentId, out var item) ? record.Hash != item.Hash : record.ContentStatus == ContentStatus.Valid;
            if (differs && !isNewer)
                Report(Invariant.AlipayHkEqualsCatalog, $"{record.ContentId} r{record.Version} differs from the catalog");
        }

        foreach (var contentId in items.Keys.Where(contentId => world.Store.Find(contentId) is null))
            Report(Invariant.AlipayHkEqualsCatalog, $"{contentId} is in the catalog but not in the ledger");
    }

    private void CheckGuard(string process, ResyncRun run)
    {
        if (run.Digest is null || !_comparisons.TryGetValue((process, run.Digest), out var comparison))
        {
            Report(Invariant.GuardRespected, $"run {run.RunId} sends a catalog that was never compared");
            return;
        }

        var (listed, delisting, items) = comparison;
        var allowed = run.Parameters.AllowedDelistShare ?? 0;
        if (listed > 0 && (double)delisting / listed > Math.Max(MaxDelistShare, allowed))
            Report(Invariant.GuardRespected, $"run {run.RunId} delists {delisting} of {listed} items");
        if (_handledItems is > 0 and var before && (double)(before - items) / before > Math.Max(MaxShrinkShare, allowed))
            Report(Invariant.GuardRespected, $"run {run.RunId} sends a catalog of {items} items after one of {before}");
        if (run.Parameters.DryRun) Report(Invariant.GuardRespected, $"run {run.RunId} is a dry run but sends");
    }

    private void Report(Invariant invariant, string text) => world.Invariants.Report(invariant, text);

    private sealed record ExportedCatalog(SimulatedCatalog.ExportedFile File, IReadOnlyDictionary<string, ContentItem> Items);

    private sealed record Comparison(int Listed, int Delisting, int Items);
}
