using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Outages with figures that must hold. Everything but the outage works.</summary>
internal static class Scenario
{
    private const int Lanes = 8;
    private const double Budget = 10;

    private static readonly TimeSpan Start = TimeSpan.FromMinutes(10);

    /// <summary>The partner is dark for two hours while items keep coming in.</summary>
    public static OutageFigures DarkForTwoHours(SimulatedKeys keys)
    {
        var end = Start + TimeSpan.FromHours(2);
        var world = Run(keys, new Plan
        {
            Seed = 7,
            Consumers = 16,
            MaxSendsPerSecond = Budget,
            Horizon = end + TimeSpan.FromMinutes(5),
            Outages = [new Outage(Fault.PartnerDark, Start, end)],
            Submissions = Flow(1_200, end / 1_200),
            MostSteps = 20_000_000,
        });
        var calls = world.Partner.Log!;

        // The calls that were under way when it began are no probes.
        var probes = calls.Where(call => call.At > Start + TimeSpan.FromMinutes(1) && call.At < end).Select(call => call.At).ToList();
        var shortest = probes.Zip(probes.Skip(1), (a, b) => b - a).DefaultIfEmpty(TimeSpan.Zero).Min();
        var recovery = calls.Where(call => call.At >= end + TimeSpan.FromSeconds(60) && call.At < end + TimeSpan.FromSeconds(110)).Select(call => call.At).ToList();
        var arrivals = recovery.GroupBy(at => (int)((at - end).TotalSeconds / 10)).Select(bucket => bucket.Count()).ToList();
        return new OutageFigures(
            world.Judge.Violation,
            world.Broker.DeadLetters,
            probes.Count,
            shortest,
            recovery.Count / (Budget * 50),
            arrivals.Count == 0 ? double.PositiveInfinity : arrivals.Max() / arrivals.Average());
    }

    /// <summary>How much slower 990 sound items are done when ten that always fail are among them: 1 is as fast.</summary>
    public static double ThroughputWithPoison(SimulatedKeys keys)
    {
        var without = Done(990, 0);
        var with = Done(990, 10);
        return without / with;

        TimeSpan Done(int sound, int poison)
        {
            var items = Enumerable.Range(0, sound + poison).Select(i => Item(i, poison > 0 && i % 100 == 50 ? Nature.Poison : Nature.Sound));
            var world = Run(keys, new Plan
            {
                Seed = 8,
                Consumers = 16,
                MaxSendsPerSecond = 20,
                Horizon = TimeSpan.FromMinutes(5),
                Submissions = [.. items.Select((item, i) => new Submitted(TimeSpan.FromSeconds(1), Door.Queue, 0, $"m{i}", [item]))],
            });
            return world.Store.Records.Where(record => record.State == SyncState.Synchronized).Select(record => record.SynchronizedAt!.Value).DefaultIfEmpty(DateTimeOffset.MaxValue).Max() - VirtualTime.Epoch - TimeSpan.FromSeconds(1);
        }
    }

    /// <summary>Partner calls of each sound item in an array of fifty that holds one bad one.</summary>
    public static IReadOnlyList<int> CallsInPackOfFifty(SimulatedKeys keys, Nature bad)
    {
        var world = Run(keys, new Plan
        {
            Seed = 9,
            MaxSendsPerSecond = 50,
            Horizon = TimeSpan.FromMinutes(5),
            Submissions = [new Submitted(TimeSpan.FromSeconds(1), Door.Queue, 0, "pack", [.. Enumerable.Range(0, 50).Select(i => Item(i, i == 20 ? bad : Nature.Sound))])],
        });
        return [.. Enumerable.Range(0, 50).Where(i => i != 20).Select(i => world.Partner.Log!.Count(call => call.ContentId == Id(i)))];
    }

    /// <summary>Our key is not known to the partner for half an hour.</summary>
    public static ConfigurationFaultFigures ConfigurationFault(SimulatedKeys keys)
    {
        var end = Start + TimeSpan.FromMinutes(30);
        var world = Run(keys, new Plan
        {
            Seed = 10,
            Consumers = Lanes,
            MaxSendsPerSecond = 200,
            Horizon = end + TimeSpan.FromMinutes(5),
            Outages = [new Outage(Fault.PartnerConfigurationFault, Start, end)],
            Submissions = Flow(1_000, (end - TimeSpan.FromMinutes(1)) / 1_000),
        });
        var refused = world.Partner.Log!.Where(call => call.At >= Start && call.At < end).Select(call => call.At).ToList();
        var probeInterval = world.Plan.Recoverability.ProbeInterval;
        var records = world.Store.Records.ToList();
        return new ConfigurationFaultFigures(
            world.Judge.Violation,
            Lanes,
            refused.Count(at => at < refused[0] + probeInterval * 0.9),
            refused.Count,
            (int)Math.Ceiling((end - Start) / probeInterval),
            world.Broker.DeadLetters,
            records.Max(record => record.Attempts),
            records.Max(record => record.SynchronizedAt ?? DateTimeOffset.MaxValue) - VirtualTime.Epoch - end);
    }

    /// <summary>The first outage whose figures do not hold; null where all do.</summary>
    public static string? Broken(SimulatedKeys keys)
    {
        if (!ConfigurationFault(keys).Holds) return "configuration fault";
        if (CallsInPackOfFifty(keys, Nature.Poison).Any(calls => calls != 1)) return "pack of fifty";
        if (ThroughputWithPoison(keys) < 0.98) return "poison";
        return DarkForTwoHours(keys).Holds ? null : "dark for two hours";
    }

    private static World Run(SimulatedKeys keys, Plan plan)
    {
        var world = new World(plan, keys, isTraced: false);
        world.Partner.Log = [];
        world.Run();
        return world;
    }

    private static List<Submitted> Flow(int items, TimeSpan distance) =>
        [.. Enumerable.Range(0, items).Select(i => new Submitted(distance * i + TimeSpan.FromSeconds(1), Door.Queue, 0, $"m{i}", [Item(i, Nature.Sound)]))];

    private static SubmittedItem Item(int number, Nature nature) => new(Id(number), 1, new RevisionText(1, ",\"revision\":1"), nature);

    private static string Id(int number) => $"c{number}";
}

/// <param name="Violation">Of an invariant.</param>
/// <param name="DeadLetters">In all.</param>
/// <param name="Probes">Calls while it was dark.</param>
/// <param name="ShortestBetweenProbes">Time between two of them.</param>
/// <param name="ShareOfBudget">Used of the send budget from 60 s after the end on.</param>
/// <param name="PeakOverMean">Of the calls in ten seconds, then.</param>
internal sealed record OutageFigures(Violation? Violation, long DeadLetters, int Probes, TimeSpan ShortestBetweenProbes, double ShareOfBudget, double PeakOverMean)
{
    /// <summary>At most one probe in 30 s, no dead letter, the budget in use and evenly so within a minute of the recovery.</summary>
    public bool Holds => Violation is null && DeadLetters == 0 && Probes > 0 && ShortestBetweenProbes >= TimeSpan.FromSeconds(30) && ShareOfBudget >= 0.95 && PeakOverMean <= 1.2;
}

/// <param name="Violation">Of an invariant.</param>
/// <param name="Lanes">Messages in work at the same time.</param>
/// <param name="CallsBeforeStop">From the first refusal until sending stopped.</param>
/// <param name="Refused">Calls in all while the fault lasted.</param>
/// <param name="MostProbes">One per probe interval.</param>
/// <param name="DeadLetters">In all.</param>
/// <param name="MostAttempts">Of any content, at the end: the refused ones were given back.</param>
/// <param name="DoneAfter">From the mend until the last content was synchronized.</param>
internal sealed record ConfigurationFaultFigures(Violation? Violation, int Lanes, int CallsBeforeStop, int Refused, int MostProbes, long DeadLetters, int MostAttempts, TimeSpan DoneAfter)
{
    /// <summary>It stops within one item per lane, probes, spends no attempt, and goes on by itself.</summary>
    public bool Holds => Violation is null && CallsBeforeStop <= Lanes && Refused <= Lanes + MostProbes && DeadLetters == 0 && MostAttempts == 1 && DoneAfter < TimeSpan.FromMinutes(2);
}
