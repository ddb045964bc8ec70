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

    private Plan AddCatalogs(Plan plan)
    {
        var singles = plan.Submissions
            .SelectMany(submitted => submitted.Items)
            .GroupBy(item => item.ContentId, StringComparer.Ordinal)
            .Select(items => items.First() with { Revision = null, Intent = Intent.Submit })
            .ToList();
        var catalog = new RandomCatalog(_random, singles);
        var (exports, triggers) = (new List<Export>(), new List<ResyncTrigger>());
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
            triggers.AddRange(Triggers(plan, exports[i].At));
        }

        return plan with
        {
            Bulk = new BulkPlan
            {
                Lanes = 1 + _random.Next(4),
                ItemsPerPack = 1 + _random.Next(6),
                InFlightPerLane = 1 + _random.Next(3),
                IsThroughBroker = _random.Chance(0.7),
                Exports = exports,
                Triggers = triggers,
                FinalItems = catalog.Next(),
            },
        };
    }

    private IEnumerable<ResyncTrigger> Triggers(Plan plan, TimeSpan export)
    {
        yield return At(new ResyncParameters { AllowedDelistShare = _random.Chance(0.3) ? 1 : null });
        if (_random.Chance(0.3)) yield return At(new ResyncParameters { Again = _random.Chance(0.5), DryRun = _random.Chance(0.3) });
        if (_random.Chance(0.2)) yield return At(new ResyncParameters()) with { IsCancel = true };
        if (_random.Chance(0.3)) yield return At(new ResyncParameters { Resend = Resend() }) with { IsLedger = true };

        ResyncTrigger At(ResyncParameters parameters)
        {
            var at = export + _random.Between(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(1, 5, 60)));
            return new ResyncTrigger(at, _random.Next(plan.Machines), parameters);
        }

        ResendFilter? Resend() =>
            _random.Chance(0.5) ? null : new ResendFilter { Failed = true, OlderThan = TimeSpan.FromHours(_random.Next(8)) };
    }

    private Plan AddVaults(Plan plan)
    {
        var vaults = 2 + _random.Next(2);
        var chances = new Dictionary<Fault, double>(plan.Chances);
        if (_random.Chance(0.4)) chances[Fault.VaultThrottle] = 0.1 * _random.NextDouble();
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

    /// <summary>A catalog that changes from one export to the next.</summary>
    private sealed class RandomCatalog(SimulatedRandom random, IReadOnlyList<SubmittedItem> singles)
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
            for (var i = 0; i < count; i++) _items.Add(new SubmittedItem($"b{_created++}", ++_content, null, NextKind()));
        }

        private ItemKind NextKind() => random.Chance(0.04) ? random.Pick(ItemKind.Risky, ItemKind.Poison) : ItemKind.Normal;
    }
}
