using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Simulation;

/// <summary>Draws what some seeds have beside single items: whole catalogs to be reconciled, and several vaults. From chance of its own, so that the rest of a plan does not change with it.</summary>
internal sealed class BulkDraw(ulong seed)
{
    private const double ShareWithCatalogs = 0.15;
    private const double ShareWithVaults = 0.15;

    private readonly SimulatedRandom _random = new(seed ^ 0xB01CB01CB01CB01C);

    /// <summary>A share of the seeds.</summary>
    public Plan Widen(Plan plan)
    {
        var (hasCatalogs, hasVaults) = (_random.Chance(ShareWithCatalogs), _random.Chance(ShareWithVaults));
        if (hasCatalogs) plan = AddCatalogs(plan);
        return hasVaults ? AddVaults(plan) : plan;
    }

    /// <summary>Every seed.</summary>
    public Plan WidenFully(Plan plan) => AddVaults(AddCatalogs(plan));

    private Plan AddCatalogs(Plan plan)
    {
        // Lines and single items of one content are told apart by their times, so a caller's own numbers are left out.
        var submissions = plan.Submissions.Select(submitted => submitted with { Items = [.. submitted.Items.Select(Timed)] }).ToList();
        var singles = submissions.SelectMany(submitted => submitted.Items).GroupBy(item => item.ContentId, StringComparer.Ordinal).Select(items => items.First() with { Revision = null }).ToList();
        var catalog = new DrawnCatalog(_random, singles);
        var (exports, asked) = (new List<Export>(), new List<ResyncAsked>());
        for (var i = 2 + _random.Next(3); i > 0; i--)
        {
            var at = plan.Horizon * 0.9 * _random.NextDouble();
            if (exports.Count > 0 && _random.Chance(0.3)) at = exports[^1].At + _random.Between(TimeSpan.FromSeconds(90), TimeSpan.FromMinutes(20));
            exports.Add(new Export(at, [], _random.Chance(0.1)));
        }

        exports.Sort((a, b) => a.At.CompareTo(b.At));
        for (var i = 0; i < exports.Count; i++)
        {
            exports[i] = exports[i] with { Items = catalog.Next() };
            asked.AddRange(Ask(plan, exports[i].At));
        }

        return plan with
        {
            Submissions = submissions,
            Bulk = new BulkPlan
            {
                Lanes = 1 + _random.Next(4),
                ItemsPerPack = 1 + _random.Next(6),
                InFlightPerLane = 1 + _random.Next(3),
                IsThroughBroker = _random.Chance(0.7),
                Exports = exports,
                Asked = asked,
                Last = catalog.Next(),
            },
        };
    }

    private IEnumerable<ResyncAsked> Ask(Plan plan, TimeSpan export)
    {
        yield return At(new ResyncParameters { AllowedDelistShare = _random.Chance(0.3) ? 1 : null });
        if (_random.Chance(0.3)) yield return At(new ResyncParameters { Again = _random.Chance(0.5), DryRun = _random.Chance(0.3) });
        if (_random.Chance(0.2)) yield return At(new ResyncParameters()) with { IsCancel = true };
        if (_random.Chance(0.3)) yield return At(new ResyncParameters { Resend = _random.Chance(0.5) ? null : new ResendFilter { Failed = true, OlderThan = TimeSpan.FromHours(_random.Next(8)) } }) with { IsLedger = true };

        ResyncAsked At(ResyncParameters wish) => new(export + _random.Between(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(1, 5, 60))), _random.Next(plan.Machines), wish);
    }

    private Plan AddVaults(Plan plan)
    {
        var vaults = 2 + _random.Next(2);
        var chances = new Dictionary<Fault, double>(plan.Chances);
        if (_random.Chance(0.4)) chances[Fault.VaultThrottle] = 0.1 * _random.NextDouble();
        if (_random.Chance(0.4)) chances[Fault.VaultSilent] = 0.05 * _random.NextDouble();
        var outages = plan.Outages.ToList();
        for (var vault = 0; vault < vaults; vault++)
        {
            while (_random.Chance(0.6))
            {
                // Mostly while something is to be signed.
                var around = plan.Submissions[_random.Next(plan.Submissions.Count)].At;
                var from = around + _random.Between(TimeSpan.FromMinutes(-5), TimeSpan.FromMinutes(1));
                outages.Add(new Outage(Fault.VaultDisabled, from, from + _random.Between(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(2, 30, 600))), vault));
            }
        }

        return plan with { Vaults = vaults, SignaturesPerSecond = plan.MaxSendsPerSecond * _random.Pick(0.6, 1.0, 2.0), Chances = chances, Outages = outages };
    }

    private static SubmittedItem Timed(SubmittedItem item) => item.Revision is { } revision && revision.Json.Contains("occurredAt", StringComparison.Ordinal) ? item : item with { Revision = null };

    /// <summary>A catalog that changes from one export to the next.</summary>
    private sealed class DrawnCatalog(SimulatedRandom random, IReadOnlyList<SubmittedItem> singles)
    {
        private readonly List<SubmittedItem> _items = [.. singles.Where(_ => random.Chance(0.7))];
        private int _created;
        private int _content = 1_000;

        public IReadOnlyList<SubmittedItem> Next()
        {
            if (_created == 0) Create(8 + random.Next(25));
            else Change();
            return [.. _items];
        }

        private void Change()
        {
            Create(random.Next(4));
            var vanishing = random.Chance(0.25) ? _items.Count / 2 : random.Next(3);
            for (var i = 0; i < vanishing && _items.Count > 1; i++) _items.RemoveAt(random.Next(_items.Count));
            for (var i = 0; i < _items.Count; i++)
            {
                if (random.Chance(0.2)) _items[i] = _items[i] with { Content = ++_content };
            }
        }

        private void Create(int count)
        {
            for (var i = 0; i < count; i++) _items.Add(new SubmittedItem($"b{_created++}", ++_content, null, random.Chance(0.04) ? random.Pick(Nature.Risky, Nature.Poison) : Nature.Sound));
        }
    }
}
