using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>
/// Adds to some plans, besides single items, whole catalogs to resync and several vaults. It has its own random numbers, so that the rest of
/// the plan does not depend on it.
/// </summary>
internal sealed class BulkPlanGenerator(ulong seed)
{
    private const double ShareWithCatalogs = 0.15;
    private const double ShareWithVaults = 0.15;

    /// <summary>Catalogs of as many lose a few items with each export and gain none.</summary>
    private const ulong DwindlingOneIn = 8;

    private readonly SimulatedRandom _random = new(seed ^ 0xB01CB01CB01CB01C);

    /// <summary>Widens the plans of some seeds.</summary>
    public Plan Widen(Plan plan)
    {
        var (hasCatalogs, hasVaults) = (_random.Chance(ShareWithCatalogs), _random.Chance(ShareWithVaults));
        if (hasCatalogs) plan = AddCatalogs(plan);
        return hasVaults ? AddVaults(plan) : plan;
    }

    /// <summary>Adds both, whatever the seed.</summary>
    public Plan WidenFully(Plan plan) => AddVaults(AddCatalogs(plan));

    /// <summary>Adds catalogs, whatever the seed.</summary>
    public Plan AddCatalogs(Plan plan)
    {
        var singles = plan.Submissions
            .SelectMany(submitted => submitted.Items)
            .GroupBy(item => item.ContentId, StringComparer.Ordinal)
            .Select(items => items.First() with { Revision = null, Intent = Intent.Submit })
            .ToList();
        var catalog = new RandomCatalog(_random, singles, plan.Horizon, seed % DwindlingOneIn == 5);
        var declaresItems = _random.Chance(0.4);
        var (exports, triggers) = (new List<Export>(), new List<ResyncTrigger>());
        for (var i = 2 + _random.Next(3); i > 0; i--)
        {
            var at = plan.Horizon * 0.9 * _random.NextDouble();
            if (exports.Count > 0 && _random.Chance(0.3)) at = exports[^1].At + _random.Between(TimeSpan.FromSeconds(90), TimeSpan.FromMinutes(20));
            at = Earlier(at, plan.Horizon * 0.95);

            // A catalog is known by its time.
            while (exports.Exists(export => export.At == at)) at -= TimeSpan.FromSeconds(90);
            exports.Add(new Export(at, []));
        }

        exports.Sort((a, b) => a.At.CompareTo(b.At));
        for (var i = 0; i < exports.Count; i++)
        {
            var declares = declaresItems && _random.Chance(0.85);
            exports[i] = catalog.Next(exports[i].At) with { Form = NextForm(declares), DeclaresItems = declares };
            triggers.AddRange(Triggers(plan, exports[i].At));
        }

        return plan with
        {
            Bulk = new BulkPlan
            {
                Lanes = 1 + _random.Next(4),
                ItemsPerPack = 1 + _random.Next(6),
                InFlightPerLane = 1 + _random.Next(3),
                Exports = exports,
                Triggers = triggers,
                IsPlannedInSteps = _random.Chance(0.5),
                FinalExport = catalog.Next(null) with { Form = NextForm(null), DeclaresItems = declaresItems },
                FinalRuns = FinalRuns(new ResyncParameters { AllowedDelistShare = 1, Again = true, OverrideNewer = _random.Chance(0.3) }),
                IsLastRunRepeated = true,
            },
        };
    }

    // What would be done, what is done, and what is left to do: nothing.
    private static ResyncParameters[] FinalRuns(ResyncParameters run) => [run with { DryRun = true }, run, run with { OverrideNewer = false }];

    private ExportForm NextForm(bool? isDamagedIfItDeclaresItems)
    {
        if (isDamagedIfItDeclaresItems is { } declaresItems && _random.Chance(0.15))
            return declaresItems && _random.Chance(0.5) ? ExportForm.Shortened : _random.Pick(ExportForm.Truncated, ExportForm.PackedInPart);
        return _random.Chance(0.2) ? ExportForm.Packed : ExportForm.Plain;
    }

    private IEnumerable<ResyncTrigger> Triggers(Plan plan, TimeSpan export)
    {
        yield return At(new ResyncParameters { AllowedDelistShare = _random.Chance(0.3) ? 1 : null });
        if (_random.Chance(0.3)) yield return At(new ResyncParameters { Again = _random.Chance(0.5), DryRun = _random.Chance(0.3) });
        if (_random.Chance(0.2)) yield return At(new ResyncParameters { OverrideNewer = true, AllowedDelistShare = _random.Chance(0.5) ? 1 : null });
        if (_random.Chance(0.2)) yield return At(new ResyncParameters()) with { IsCancel = true };
        if (_random.Chance(0.3)) yield return At(new ResyncParameters { Resend = Resend() }) with { IsLedger = true };

        ResyncTrigger At(ResyncParameters parameters)
        {
            var at = export + _random.Between(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(1, 5, 60)));
            return new ResyncTrigger(Earlier(at, plan.Horizon * 0.99), _random.Next(plan.Machines), parameters);
        }

        ResendFilter? Resend() =>
            _random.Chance(0.5) ? null : new ResendFilter { Failed = true, OlderThan = TimeSpan.FromHours(_random.Next(8)) };
    }

    // Nothing but the final catalog comes after the horizon.
    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private Plan AddVaults(Plan plan)
    {
        var vaults = 2 + _random.Next(2);
        var chances = new Dictionary<Fault, double>(plan.Chances);
        if (_random.Chance(0.4)) chances[Fault.VaultThrottle] = 0.1 * _random.NextDouble();
        if (plan.Bulk is not null && _random.Chance(0.5)) chances[Fault.PlanFileLost] = 0.2 * _random.NextDouble();
        if (_random.Chance(0.4)) chances[Fault.VaultUnresponsive] = 0.05 * _random.NextDouble();
        var outages = plan.Outages.ToList();
        for (var vault = 0; vault < vaults; vault++)
        {
            while (_random.Chance(0.6))
            {
                // Usually while there are requests to sign.
                var around = plan.Submissions[_random.Next(plan.Submissions.Count)].At;
                var from = around + _random.Between(TimeSpan.FromMinutes(-5), TimeSpan.FromMinutes(1));
                var duration = _random.Between(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(2, 30, 600)));
                outages.Add(new Outage(Fault.VaultDisabled, from, from + duration, vault));
            }
        }

        var signaturesPerSecond = plan.MaxSendsPerSecond * _random.Pick(0.6, 1.0, 2.0);
        return plan with { Vaults = vaults, SignaturesPerSecond = signaturesPerSecond, Chances = chances, Outages = outages };
    }

    /// <summary>
    /// A catalog that changes from one export to the next. Its lines have numbers, times, neither or all of them; some repeat an item, delist
    /// one by its id, or are not valid.
    /// </summary>
    private sealed class RandomCatalog(SimulatedRandom random, IReadOnlyList<SubmittedItem> singles, TimeSpan horizon, bool isDwindling)
    {
        private const int Mixed = 3;

        /// <summary>A dwindling catalog loses one item of so many at once: fewer than the guard allows.</summary>
        private const int DwindlingItems = 12;

        private readonly int _format = random.Pick(0, 0, 0, 1, 2, Mixed);
        private readonly bool _hasFaults = random.Chance(0.5);
        private readonly List<SubmittedItem> _items = [.. singles.Where(_ => random.Chance(0.7))];
        private readonly Dictionary<string, long> _numbers = new(StringComparer.Ordinal);
        private int _created;
        private int _content = 1_000;

        /// <summary>The next export.</summary>
        /// <param name="at">When it is written; null for the final one, after everything else.</param>
        public Export Next(TimeSpan? at)
        {
            if (_created == 0) Create(8 + random.Next(25));
            else Change();
            var asOf = NextAsOf();
            var lines = _items.ConvertAll(item => item with { Revision = NextRevision(item.ContentId, at ?? horizon, asOf) });
            if (_hasFaults && random.Chance(0.5)) Repeat(lines);
            if (_hasFaults && random.Chance(0.3))
                lines[random.Next(lines.Count)] = lines[random.Next(lines.Count)] with { Intent = Intent.SubmitInvalid };
            if (_hasFaults && random.Chance(0.15)) lines.Insert(random.Next(lines.Count), lines[0] with { Intent = Intent.SubmitUnidentified });
            return new Export(at ?? default, lines) { AsOfOffset = asOf };
        }

        // Usually not declared; otherwise somewhat before it was written, or by a clock that is hours behind or ahead.
        private TimeSpan NextAsOf() => random.Next(10) switch
        {
            0 or 1 => -random.Between(TimeSpan.Zero, TimeSpan.FromMinutes(20)),
            2 => -random.Between(TimeSpan.Zero, TimeSpan.FromHours(8)),
            3 => TimeSpan.FromHours(3),
            _ => TimeSpan.Zero,
        };

        private void Change()
        {
            if (!isDwindling) Create(random.Next(4));
            var vanishing = isDwindling ? _items.Count / DwindlingItems : random.Chance(0.25) ? _items.Count / 2 : random.Next(3);
            for (var i = 0; i < vanishing && _items.Count > 1; i++) _items.RemoveAt(random.Next(_items.Count));
            for (var i = 0; i < _items.Count; i++)
            {
                if (!random.Chance(0.2)) continue;
                var delists = random.Chance(0.2) && _items[i].Intent == Intent.Submit;
                _items[i] = _items[i] with { Content = ++_content, Intent = delists ? Intent.Delist : Intent.Submit };
                if (random.Chance(0.9)) _numbers[_items[i].ContentId] = _numbers.GetValueOrDefault(_items[i].ContentId) + 1 + random.Next(3);
            }
        }

        // At most one line of an item counts; usually all have the same version.
        private void Repeat(List<SubmittedItem> lines)
        {
            for (var i = 1 + random.Next(5); i > 0; i--)
            {
                var repeated = lines[random.Next(lines.Count)];
                if (random.Chance(0.6)) repeated = repeated with { Content = ++_content };
                if (random.Chance(0.3)) repeated = repeated with { Revision = lines[random.Next(lines.Count)].Revision };
                lines.Insert(random.Next(lines.Count + 1), repeated);
            }
        }

        private void Create(int count)
        {
            for (var i = 0; i < count; i++) _items.Add(new SubmittedItem($"b{_created++}", ++_content, null, NextKind()));
        }

        // Numbers and times that no single item has. With a clock that is ahead, given times would be ahead or not by when they are read.
        private RevisionText? NextRevision(string contentId, TimeSpan at, TimeSpan asOf) => (_format == Mixed ? random.Next(Mixed) : _format) switch
        {
            1 => new RevisionText($",\"revision\":{_numbers.GetValueOrDefault(contentId) * 10 + 5}"),
            2 when asOf <= TimeSpan.Zero => new RevisionText($",\"occurredAt\":\"{NextTime(at + asOf):yyyy-MM-dd'T'HH:mm:ss.fffzzz}\""),
            _ => null,
        };

        // Changed within the last hours, rarely by a clock that is ahead.
        private DateTimeOffset NextTime(TimeSpan asOf)
        {
            var offset = random.Chance(0.05) ? TimeSpan.FromHours(5) : -random.Between(TimeSpan.Zero, TimeSpan.FromHours(random.Pick(1, 8)));
            return VirtualTime.Epoch + TimeSpan.FromSeconds((long)(asOf + offset).TotalSeconds) + TimeSpan.FromMilliseconds(500);
        }

        private ItemKind NextKind() => random.Chance(0.04) ? random.Pick(ItemKind.Risky, ItemKind.Poison) : ItemKind.Normal;
    }
}
