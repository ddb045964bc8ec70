using ContentSync.Catalog;
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
    private const int GuardWindowDays = 7;

    // Port calls may take that long, so the store may have changed since a run looked at it.
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, ExportedCatalog> _exports = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Process, string Digest, bool IsRollback), PlanCounts> _comparisons = [];
    private readonly Dictionary<string, HashSet<string>> _plans = new(StringComparer.Ordinal);
    private readonly HashSet<string> _plansInUse = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lanes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SourceState> _states = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Source, string Version), SourceState> _written = [];
    private bool _isRepeating;

    /// <summary>An export was written.</summary>
    public ExportedCatalog Exported(SimulatedCatalog.ExportedFile file)
    {
        var catalog = new ExportedCatalog(file, reader);
        _exports.Add(file.Digest, catalog);
        return catalog;
    }

    /// <summary>A process compared the catalog with the items that it had read from the ledger.</summary>
    public void Planned(
        string process,
        ICatalogSnapshot snapshot,
        IReadOnlyList<ScannedItem> scanned,
        PlanResult result,
        IReadOnlyList<string> delisted,
        bool isIntact)
    {
        var catalog = _exports[snapshot.Digest];
        if (catalog.File.Export.IsDamaged || !isIntact)
        {
            if (result.Plan is not null) Report(Invariant.ResyncAddsUp, $"a catalog was planned that is {catalog.File.Export.Form}");
            return;
        }

        if (result.Plan is not { } plan)
        {
            Report(Invariant.ResyncAddsUp, $"a complete catalog was refused: {result.Fault!.Message}");
            return;
        }

        var expected = Compare(catalog, snapshot.OverridesNewer, scanned, out var vanished);
        if (!vanished.SetEquals(delisted))
        {
            Report(
                Invariant.DelistedAsPlanned,
                $"the plan delists {string.Join(", ", delisted)}, but {string.Join(", ", vanished)} vanished");
        }

        if (plan.Counts != expected) Report(Invariant.ResyncAddsUp, $"the plan has {plan.Counts}, but the catalog has {expected}");
        if (plan.ProvedCompleteness != catalog.File.Export.DeclaresItems)
            Report(Invariant.ResyncAddsUp, $"whether the catalog proved that it is complete: {plan.ProvedCompleteness}");
        _comparisons[(process, snapshot.Digest, snapshot.OverridesNewer)] = expected;
    }

    // Nothing but the final runs happens, unless a person replays parked items meanwhile.
    private bool IsAlone => world.IsInFinalRuns && world.Plan.Replays.All(at => at < world.Plan.Horizon);

    /// <summary>The same catalog is resynced once more.</summary>
    public void Repeating() => _isRepeating = true;

    /// <summary>A process sends a request.</summary>
    public void Sent(string contentId)
    {
        if (_isRepeating && IsAlone) Report(Invariant.AlipayHkEqualsCatalog, $"{contentId} is sent again, although the catalog is the same");
    }

    // AlipayHK rejected the only version that it ever got, so there is nothing to take off sale.
    private static bool WasNeverOnSale(ScannedItem item) =>
        item is { State: SyncState.Parked, ParkReason: ParkReason.Rejected, IsUnknownToAlipayHk: true };

    private PlanCounts Compare(ExportedCatalog catalog, bool isRollback, IReadOnlyList<ScannedItem> scanned, out HashSet<string> vanished)
    {
        var now = world.Time.Now;
        var items = catalog.Items;
        var absent = new HashSet<string>(StringComparer.Ordinal);
        var known = scanned.Select(item => item.ContentId).ToHashSet(StringComparer.Ordinal);
        var counts = new PlanCounts
        {
            Items = catalog.File.Export.Items.Count,
            Invalid = catalog.Invalid,
            Unidentified = catalog.File.Export.Items.Count(line => line.Intent == Intent.SubmitUnidentified),
            Repeated = items.Values.Sum(item => item.Lines - 1),
            DuplicatesSame = items.Values.Count(item => item is { Lines: > 1, Differs: false }),
            DuplicatesDiffering = items.Values.Count(item => item is { Lines: > 1, Differs: true }),
        };
        foreach (var record in scanned)
        {
            var contentId = record.ContentId;
            var isListed = record.ContentStatus == ContentStatus.Valid && !WasNeverOnSale(record);
            if (isListed) counts = counts with { Listed = counts.Listed + 1 };
            if (items.TryGetValue(contentId, out var item))
            {
                var wins = isRollback || world.Invariants.Versions.IsNewer(contentId, record.Order, item.Version, now);
                counts = Add(counts, record, item, isListed, wins);
            }
            else if (isListed && !catalog.Names(contentId))
            {
                if (isRollback || IsVanished(catalog, record, now)) absent.Add(contentId);
                else counts = counts with { AbsentNewer = counts.AbsentNewer + 1 };
            }
        }

        var added = items.Values.Where(item => !known.Contains(item.Item.ContentId)).ToList();
        var unknown = added.Count(item => item.Item.IsDelistingById);
        counts = counts with { New = added.Count - unknown, Unknown = unknown };
        vanished = catalog.IsComplete ? absent : [];
        return catalog.IsComplete
            ? counts with { Vanished = absent.Count, Delisting = counts.Delisting + absent.Count }
            : counts with { Withheld = absent.Count };
    }

    private bool IsVanished(ExportedCatalog catalog, ScannedItem known, DateTimeOffset now) =>
        known.AcceptedAt <= catalog.File.AsOf
        && world.Invariants.Versions.IsNewer(known.ContentId, known.Order, new ChangeVersion(null, null, catalog.File.AsOf), now);

    private static PlanCounts Add(PlanCounts counts, ScannedItem known, CatalogItem item, bool isListed, bool wins)
    {
        var isSame = item.Equals(known.Hash, known.ContentStatus);
        var isExhausted = known is { State: SyncState.Parked, ParkReason: not ParkReason.Rejected };
        if (isSame && !(isExhausted && wins))
        {
            return counts with
            {
                Unchanged = counts.Unchanged + 1,
                Pending = counts.Pending + (known.State == SyncState.Pending ? 1 : 0),
                Parked = counts.Parked + (known.State == SyncState.Parked ? 1 : 0),
            };
        }

        if (!isSame && !wins) return counts with { Newer = counts.Newer + 1 };
        var delists = isListed && item.Item.ContentStatus == ContentStatus.Invalid;
        return counts with { Changed = counts.Changed + 1, Delisting = counts.Delisting + (delists ? 1 : 0) };
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
        var state = _states.GetValueOrDefault(run.Source, SourceState.None);
        if (run.State == ResyncRunState.Sending && run.RunId != state.Sending)
        {
            if (run.Source != LedgerSource.SourceName) CheckBegin(process, run, state);
            state = state with { Sending = run.RunId };
        }

        if (!run.IsInProgress && run.RunId != state.Ended) state = CheckEnd(process, run, state) with { Ended = run.RunId };
        _states[run.Source] = state;
        if (world.Local is not null) _written[(run.Source, history.Version!)] = state;
    }

    /// <summary>A process finds the runs in its files, which may be behind what the one before it wrote.</summary>
    public void Restored(IReadOnlyList<ResyncHistory> histories)
    {
        _states.Clear();
        foreach (var history in histories) _states.Add(history.Source, _written[(history.Source, history.Version!)]);
    }

    private SourceState CheckEnd(string process, ResyncRun run, SourceState state)
    {
        var done = run.Counts.Done;
        switch (run.State)
        {
            case ResyncRunState.Completed:
                if (run.Counts.Planned != done)
                    Report(Invariant.ResyncAddsUp, $"run {run.RunId} is completed but accounts for {done} of {run.Counts.Planned} items");
                if (run.LeftUnknown > 0 && world.Lanes is { WaitingPacks: 0, DeadPacks: 0 })
                    Report(Invariant.ResyncAddsUp, $"run {run.RunId}: {run.Message} No message of it is left");
                return run.Source == LedgerSource.SourceName ? state : Completed(run, state);
            case ResyncRunState.HandledAlready:
                CheckHandled(run, state);
                break;
            case ResyncRunState.Planned:
                return state with { Dry = run };
            case ResyncRunState.Stopped when _comparisons.TryGetValue(Key(process, run), out var comparison)
                && FindExcess(run, comparison, TimeSpan.FromDays(GuardWindowDays + 1), state) is null:
                Report(Invariant.GuardRespected, $"run {run.RunId} was stopped without a reason: {run.Message}");
                break;
        }

        return state;
    }

    private SourceState Completed(ResyncRun run, SourceState state)
    {
        // The first of the final runs must have told what the second one does.
        if (state.Dry is { } dry && IsAlone && dry.Digest == run.Digest && run.Counts.Superseded > dry.Plan!.Newer)
            Report(Invariant.ResyncAddsUp, $"{run.Counts.Superseded} items were superseded, but the dry run announced {dry.Plan.Newer}");
        return state with
        {
            Completed = run,
            Sizes = run.Parameters.AllowedDelistShare is null
                ? [.. state.Sizes, new CatalogSize(run.EndedAt!.Value, run.Plan!.Items, run.Plan.Listed)]
                : [new CatalogSize(run.EndedAt!.Value, run.Plan!.Items, run.Plan.Listed - run.Plan.Delisting)],
        };
    }

    private void CheckHandled(ResyncRun run, SourceState state)
    {
        if (run.Digest != state.Completed?.Digest || run.AsOf != state.Completed?.AsOf || run.Parameters.OverrideNewer)
            Report(Invariant.ResyncAddsUp, $"run {run.RunId} was not done, because its catalog was handled, but it was not");
        var before = world.Time.Now - MaxDelay;
        var open = world.Store.Records.FirstOrDefault(record =>
            record.State is SyncState.Pending or SyncState.Parked && record.AcceptedAt < before && !(record.LastAttempt?.At >= before));
        if (open is not null)
            Report(Invariant.ResyncAddsUp, $"run {run.RunId} was not done, as if its catalog was handled, but {open.ContentId} is {open.State}");
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

        var catalog = _exports[file.Digest];
        var isRollback = world.Plan.Bulk!.FinalRuns.Any(run => run is { OverrideNewer: true, DryRun: false });
        foreach (var record in world.Store.Records) CheckEnd(record, catalog, isRollback);
        foreach (var contentId in catalog.Items.Keys.Where(contentId => world.Store.Find(contentId) is null))
            Report(Invariant.AlipayHkEqualsCatalog, $"{contentId} is in the catalog but not in the ledger");
    }

    private void CheckEnd(SyncRecord record, ExportedCatalog catalog, bool isRollback)
    {
        var now = world.Time.Now;
        var versions = world.Invariants.Versions;
        if (catalog.Items.TryGetValue(record.ContentId, out var item))
        {
            var differs = !item.Equals(record.Hash, record.ContentStatus);
            if (differs && (isRollback || versions.IsNewer(record.ContentId, record.Order, item.Version, now)))
                Report(Invariant.AlipayHkEqualsCatalog, $"{record.ContentId} r{record.Version} differs from the catalog, which has r{item.Version}");
            if (!isRollback && versions.IsUnseen(record.ContentId, item.Version, now))
                Report(Invariant.AlipayHkEqualsCatalog, $"{record.ContentId} r{item.Version} of the catalog was not remembered");
            return;
        }

        if (record.ContentStatus == ContentStatus.Invalid || !catalog.Lacks(record.ContentId)) return;
        if (record is { State: SyncState.Parked, ParkReason: ParkReason.Rejected, SynchronizedAt: null }) return;
        var vanished = new ChangeVersion(null, null, catalog.File.AsOf);
        if (isRollback || (record.AcceptedAt <= catalog.File.AsOf && versions.IsNewer(record.ContentId, record.Order, vanished, now)))
            Report(Invariant.AlipayHkEqualsCatalog, $"{record.ContentId} r{record.Version} is listed, but vanished from the catalog");
    }

    private void CheckBegin(string process, ResyncRun run, SourceState state)
    {
        if (run.Digest is null || !_comparisons.TryGetValue(Key(process, run), out var comparison))
        {
            Report(Invariant.GuardRespected, $"run {run.RunId} sends a catalog that was never compared");
            return;
        }

        if (FindExcess(run, comparison, TimeSpan.FromDays(GuardWindowDays - 1), state) is { } excess)
            Report(Invariant.GuardRespected, $"run {run.RunId} {excess}");
        if (run.Parameters.DryRun) Report(Invariant.GuardRespected, $"run {run.RunId} is a dry run but sends");
        if (state.Completed is { ProvedCompleteness: true } && !run.ProvedCompleteness)
            Report(Invariant.GuardRespected, $"run {run.RunId} sends a catalog that does not tell its size, after one that did");

        // An item that was pending, because a power loss undid its outcome, may be parked by now; then it is planned again.
        if (state.Dry is { } dry && IsAlone && !_isRepeating && dry.Digest == run.Digest && dry.Plan != run.Plan
            && dry.Plan!.Pending == run.Plan!.Pending)
            Report(Invariant.ResyncAddsUp, $"the dry run announced {dry.Plan}, but the run plans {run.Plan}");
    }

    /// <summary>What the run would delist, or by how much its catalog is smaller, beyond what is allowed; null if nothing.</summary>
    private string? FindExcess(ResyncRun run, PlanCounts plan, TimeSpan window, SourceState state)
    {
        var allowed = run.Parameters.AllowedDelistShare ?? 0;
        var sizes = state.Sizes.Where(size => size.At >= world.Time.Now - window).ToList();
        var listed = Math.Max(plan.Listed, sizes.Count == 0 ? 0 : sizes.Max(size => size.Listed));
        var gone = listed - plan.Listed + plan.Delisting;
        if (plan.Delisting > 0 && (double)gone / listed > Math.Max(MaxDelistShare, allowed)) return $"delists {gone} of {listed} items";
        var before = Math.Max(state.Completed?.Plan?.Items ?? 0, sizes.Count == 0 ? 0 : sizes.Max(size => size.Items));
        return before > 0 && (double)(before - plan.Items) / before > Math.Max(MaxShrinkShare, allowed)
            ? $"sends a catalog of {plan.Items} items after one of {before}"
            : null;
    }

    private static (string Process, string Digest, bool IsRollback) Key(string process, ResyncRun run) =>
        (process, run.Digest!, run.Parameters.OverrideNewer);

    private void Report(Invariant invariant, string text) => world.Invariants.Report(invariant, text);

    /// <summary>What the runs of a source must know of earlier ones.</summary>
    private sealed record SourceState
    {
        public static SourceState None { get; } = new();

        /// <summary>The newest run that sent.</summary>
        public string? Sending { get; init; }

        /// <summary>The newest run that ended.</summary>
        public string? Ended { get; init; }

        public ResyncRun? Completed { get; init; }

        public ResyncRun? Dry { get; init; }

        public IReadOnlyList<CatalogSize> Sizes { get; init; } = [];
    }
}
