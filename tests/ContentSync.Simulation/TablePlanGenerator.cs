namespace ContentSync.Simulation;

/// <summary>
/// Puts the ledger of some seeds into Table storage, with faults of its own. It has its own random numbers, so that the rest of the plan
/// does not depend on it.
/// </summary>
internal sealed class TablePlanGenerator(ulong seed)
{
    /// <summary>Seeds of ten consecutive ones.</summary>
    private const ulong OneIn = 10;

    private static readonly Fault[] CallFaults =
        [Fault.StoreBusy, Fault.StoreTransactionBusy, Fault.StoreRepeated, Fault.StoreLate, Fault.StoreResponseLost];

    private readonly SimulatedRandom _random = new(seed ^ 0x7AB1_E7AB_1E7A_B1E7);

    /// <summary>Widens the plans of some seeds.</summary>
    public Plan Widen(Plan plan) => seed % OneIn == 1 ? WidenFully(plan) : plan;

    /// <summary>Widens the plan, whatever the seed.</summary>
    public Plan WidenFully(Plan plan)
    {
        var chances = new Dictionary<Fault, double>(plan.Chances);
        var strength = _random.Pick(0.01, 0.04, 0.12);
        foreach (var fault in CallFaults)
        {
            if (_random.Chance(0.4)) chances[fault] = strength * (0.3 + _random.NextDouble());
        }

        // A sweep makes many calls, during each of which the process may crash.
        if (chances.TryGetValue(Fault.Crash, out var crash)) chances[Fault.Crash] = crash * 0.2;
        return plan with
        {
            IsOnTable = true,
            Chances = chances,
            Outages = [.. plan.Outages, .. Missing(plan)],

            // During a burst, when most items are out of sync.
            ListedAt = _random.Chance(0.5)
                ? plan.Submissions[_random.Next(plan.Submissions.Count)].At + TimeSpan.FromSeconds(_random.Next(60))
                : null,

            // A sweep takes 257 requests, so there are few.
            SweepInterval = TimeSpan.FromHours(20),
            HasMaintenance = _random.Chance(0.25),
        };
    }

    // For a while all requests reach an account without the table, for example after a failover.
    private IEnumerable<Outage> Missing(Plan plan)
    {
        while (_random.Chance(0.3))
        {
            var from = plan.Horizon * 0.9 * _random.NextDouble();
            yield return new Outage(Fault.StoreTableMissing, from, from + _random.Between(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(30)));
        }
    }
}
