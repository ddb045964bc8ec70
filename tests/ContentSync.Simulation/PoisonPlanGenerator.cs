namespace ContentSync.Simulation;

/// <summary>
/// Adds items that always fail, and others that keep arriving until the first ones are parked. It has its own random numbers, so that the
/// rest of the plan does not depend on it.
/// </summary>
internal sealed class PoisonPlanGenerator(ulong seed)
{
    private const double ShareWithPoison = 0.05;
    private const double ShareWithClockFault = 0.5;

    // Longer than the invariant allows for parking, because an item is at fault only if others succeed.
    private static readonly TimeSpan FlowAfterHorizon = TimeSpan.FromHours(192);

    // Often enough to tell that others succeed, and seldom enough to keep the simulation fast.
    private static readonly TimeSpan FlowIntervalAfterHorizon = TimeSpan.FromHours(1);

    private readonly SimulatedRandom _random = new(seed ^ 0x9015_0990_1509_9015);

    /// <summary>Adds them to the plans of some seeds, among all other faults. Not to catalogs, which would delist them,
    /// and not to the ledger on Table storage, which is too slow for the thousands of others.</summary>
    public Plan Widen(Plan plan) => plan.Bulk is null && !plan.IsOnTable && _random.Chance(ShareWithPoison) ? AddClockFault(AddPoison(plan, FlowIntervalAfterHorizon)) : plan;

    /// <summary>Adds them to a plan, and removes everything else that delays an item.</summary>
    public Plan Isolate(Plan plan)
    {
        var isolated = plan with
        {
            Chances = new Dictionary<Fault, double> { [Fault.Duplicate] = 0.05, [Fault.Reorder] = 0.05 },
            Outages = [],
            MachineEvents = [],
            Replays = [],
            AlipayHkLatency = TimeSpan.FromMilliseconds(400),
            FlowLimit = TimeSpan.FromMinutes(5) + 5 * plan.Recoverability.ProbeInterval,
        };
        return AddPoison(isolated, null);
    }

    // Others arrive at another interval after the horizon, if it is given.
    private Plan AddPoison(Plan plan, TimeSpan? later)
    {
        var submissions = plan.Submissions.ToList();
        for (var i = 1 + _random.Next(3); i > 0; i--)
        {
            var kind = _random.Pick(
                ItemKind.Blocked, ItemKind.Unauthorized, ItemKind.Resetting, ItemKind.Tarpit, ItemKind.Outdated, ItemKind.Outdated);
            submissions.Add(Submit(plan.Horizon * 0.5 * _random.NextDouble(), $"p{i}", kind));
        }

        var interval = TimeSpan.FromMinutes(_random.Pick(5, 10, 20));
        for (var at = interval; at < plan.Horizon + FlowAfterHorizon; at += at < plan.Horizon ? interval : later ?? interval)
            submissions.Add(Submit(at, $"f{submissions.Count}", ItemKind.Normal));
        submissions.Sort((a, b) => a.At.CompareTo(b.At));
        return plan with { Submissions = submissions };
    }

    private Plan AddClockFault(Plan plan)
    {
        if (!_random.Chance(ShareWithClockFault)) return plan;
        var from = plan.Horizon * 0.9 * _random.NextDouble();
        var outage = new Outage(Fault.AlipayHkClockFault, from, from + _random.Between(TimeSpan.FromMinutes(1), TimeSpan.FromHours(2)));
        return plan with { Outages = [.. plan.Outages, outage] };
    }

    private static Submitted Submit(TimeSpan at, string contentId, ItemKind kind) =>
        new(at, Input.Queue, 0, contentId, [new SubmittedItem(contentId, 1, new RevisionText(",\"revision\":1"), kind)]);
}
