using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>Holds resyncs against what the judge itself finds by comparing catalog and store.</summary>
internal sealed class BulkJudge(World world, ContentReader reader)
{
    // The defaults of the options, which the plans leave as they are.
    private const double MaxDelistShare = 0.10;
    private const double MaxShrinkShare = 0.20;

    private readonly Dictionary<string, Known> _exports = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Process, string Digest), Comparison> _comparisons = [];
    private readonly Dictionary<string, HashSet<string>> _plans = new(StringComparer.Ordinal);
    private readonly HashSet<string> _plansInForce = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lanes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _sending = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ended = new(StringComparer.Ordinal);
    private long? _handledItems;

    /// <summary>An export was written.</summary>
    public void Exported(SimulatedCatalog.Writing writing)
    {
        var items = new Dictionary<string, ContentItem>(StringComparer.Ordinal);
        foreach (var line in writing.Items)
        {
            var item = reader.Read(Encoding.UTF8.GetBytes(line.ToJson())).Item!;
            items[item.ContentId] = item;
        }

        _exports.Add(writing.Digest, new Known(writing, items));
    }

    /// <summary>A process compared the catalog with what it had read of the ledger.</summary>
    public void Planned(string process, string digest, IReadOnlyList<ScannedItem> contents, PlanResult answer, bool isIntact)
    {
        var known = _exports[digest];
        if (known.Writing.IsCut || !isIntact)
        {
            if (answer.Plan is not null) Report(Invariant.ResyncAddsUp, "a catalog that is not whole was planned");
            return;
        }

        if (answer.Plan is not { } plan)
        {
            Report(Invariant.ResyncAddsUp, $"a whole catalog was refused: {answer.Fault!.Message}");
            return;
        }

        var listed = contents.Where(content => content.ContentStatus == ContentStatus.Valid).ToList();
        var vanished = listed.Where(content => !known.Items.ContainsKey(content.ContentId) && content.AcceptedAt <= known.Writing.At).Select(content => content.ContentId).ToHashSet(StringComparer.Ordinal);
        if (!vanished.SetEquals(plan.Named())) Report(Invariant.DelistedAsPlanned, $"the plan delists {string.Join(", ", plan.Named())} where {string.Join(", ", vanished)} have vanished");
        CheckCounts(plan.Counts, contents.ToDictionary(content => content.ContentId, StringComparer.Ordinal), known);
        _comparisons[(process, digest)] = new Comparison(listed.Count, vanished.Count, known.Items.Count);
    }

    private void CheckCounts(PlanCounts counts, Dictionary<string, ScannedItem> contents, Known known)
    {
        var added = known.Items.Keys.Count(contentId => !contents.ContainsKey(contentId));
        var unchanged = known.Items.Values.Count(item => contents.TryGetValue(item.ContentId, out var content) && content.Hash == item.Hash && content is not { State: SyncState.Parked, ParkReason: not ParkReason.Rejected });
        if (counts.New != added || counts.Unchanged != unchanged || counts.Changed != known.Items.Count - added - unchanged)
            Report(Invariant.ResyncAddsUp, $"the plan has {counts.New} new, {counts.Changed} changed and {counts.Unchanged} unchanged contents; {added} are new and {unchanged} unchanged of {known.Items.Count}");
    }

    /// <summary>A pack is handed over to a broker.</summary>
    public void HandedOver(ResyncPack pack, int lane)
    {
        foreach (var item in pack.Items)
        {
            if (_lanes.TryAdd(item.ContentId, lane) || _lanes[item.ContentId] == lane) continue;
            Report(Invariant.OneLane, $"{item.ContentId} was in lane {_lanes[item.ContentId]} and is in lane {lane}");
        }
    }

    public void PlanSaved(string planId, IEnumerable<string> vanished) => _plans[planId] = vanished.ToHashSet(StringComparer.Ordinal);

    /// <summary>What is known of a source's runs was written.</summary>
    public void Written(string process, ResyncHistory history)
    {
        var run = history.Runs[0];
        var done = run.Counts.Done;
        if (run.Counts.Planned < done) Report(Invariant.ResyncAddsUp, $"run {run.RunId}: {done} of {run.Counts.Planned} items are accounted for");
        if (run.PlanId is { } planId) _plansInForce.Add(planId);
        if (run.State == ResyncRunState.Sending && _sending.Add(run.RunId) && run.Source != LedgerSource.SourceName) CheckGuard(process, run);
        if (run.IsInProgress || !_ended.Add(run.RunId)) return;
        if (run.State == ResyncRunState.Completed && run.Counts.Planned != done) Report(Invariant.ResyncAddsUp, $"run {run.RunId} is completed and {done} of {run.Counts.Planned} items are accounted for");
        if (run.Message.StartsWith("Done, but", StringComparison.Ordinal) && world.Lanes is { Waiting: 0, DeadLetters: 0 }) Report(Invariant.ResyncAddsUp, $"run {run.RunId}: {run.Message} No message of it is left");
        if (run.State == ResyncRunState.Completed && run.Source != LedgerSource.SourceName) _handledItems = _exports[run.Digest!].Items.Count;
    }

    /// <summary>A record was written.</summary>
    public void Written(SyncRecord? old, SyncRecord next)
    {
        if (old is not { ContentStatus: ContentStatus.Valid } || next.ContentStatus != ContentStatus.Invalid) return;
        if (!_plansInForce.Any(plan => _plans.TryGetValue(plan, out var vanished) && vanished.Contains(next.ContentId))) Report(Invariant.DelistedAsPlanned, $"{next.ContentId} is delisted and no run has planned it");
    }

    /// <summary>The last export was reconciled, and nothing happened since.</summary>
    public void CheckEnd()
    {
        var writing = world.Catalog.Newest!;
        if (world.Resyncs.Find("catalog")?.Runs.FirstOrDefault(run => run.State != ResyncRunState.HandledAlready) is not { State: ResyncRunState.Completed } last || last.Digest != writing.Digest)
        {
            Report(Invariant.ResyncAddsUp, "the last export was not reconciled");
            return;
        }

        var items = _exports[writing.Digest].Items;
        foreach (var record in world.Store.Records)
        {
            var isNewer = record.Revision.Value > Revision.At(writing.At).Value || record.AcceptedAt > writing.At;
            if (items.TryGetValue(record.ContentId, out var item) ? record.Hash != item.Hash && !isNewer : record.ContentStatus == ContentStatus.Valid && !isNewer)
                Report(Invariant.PartnerEqualsCatalog, $"{record.ContentId} r{record.Revision} is not as the catalog has it");
        }

        foreach (var contentId in items.Keys.Where(contentId => world.Store.Find(contentId) is null)) Report(Invariant.PartnerEqualsCatalog, $"{contentId} is in the catalog and not in the ledger");
    }

    private void CheckGuard(string process, ResyncRun run)
    {
        if (run.Digest is null || !_comparisons.TryGetValue((process, run.Digest), out var comparison))
        {
            Report(Invariant.GuardKept, $"run {run.RunId} sends what was never compared");
            return;
        }

        var (listed, delisting, items) = comparison;
        var allowed = run.Parameters.AllowedDelistShare ?? 0;
        if (listed > 0 && (double)delisting / listed > Math.Max(MaxDelistShare, allowed)) Report(Invariant.GuardKept, $"run {run.RunId} delists {delisting} of {listed}");
        if (_handledItems is > 0 and var before && (double)(before - items) / before > Math.Max(MaxShrinkShare, allowed)) Report(Invariant.GuardKept, $"run {run.RunId} sends a catalog of {items} items after one of {before}");
        if (run.Parameters.DryRun) Report(Invariant.GuardKept, $"run {run.RunId} was a dry run and sends");
    }

    private void Report(Invariant invariant, string text) => world.Judge.Report(invariant, text);

    private sealed record Known(SimulatedCatalog.Writing Writing, IReadOnlyDictionary<string, ContentItem> Items);

    private sealed record Comparison(int Listed, int Delisting, int Items);
}
