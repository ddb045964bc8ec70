using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Outages with figures that must hold. Everything else works.</summary>
internal static class Scenario
{
    private const int Lanes = 8;
    private const double Budget = 10;

    private static readonly TimeSpan Start = TimeSpan.FromMinutes(10);

    /// <summary>AlipayHK is down for two hours while items keep arriving.</summary>
    public static OutageFigures TwoHourOutage(SimulatedKeys keys)
    {
        var end = Start + TimeSpan.FromHours(2);
        var world = Run(keys, new Plan
        {
            Seed = 7,
            Consumers = 16,
            MaxSendsPerSecond = Budget,
            Horizon = end + TimeSpan.FromMinutes(5),
            Outages = [new Outage(Fault.AlipayHkOutage, Start, end)],
            Submissions = Flow(1_200, end / 1_200),
            MaxSteps = 20_000_000,
        });
        var calls = world.AlipayHk.Log!;

        // Calls that were in flight when the outage began are not probes.
        var probes = calls.Where(call => call.At > Start + TimeSpan.FromMinutes(1) && call.At < end).Select(call => call.At).ToList();
        var minInterval = probes.Zip(probes.Skip(1), (a, b) => b - a).DefaultIfEmpty(TimeSpan.Zero).Min();
        var recovery = calls
            .Where(call => call.At >= end + TimeSpan.FromSeconds(60) && call.At < end + TimeSpan.FromSeconds(110))
            .Select(call => call.At)
            .ToList();
        var arrivals = recovery.GroupBy(at => (int)((at - end).TotalSeconds / 10)).Select(bucket => bucket.Count()).ToList();
        return new OutageFigures(
            world.Invariants.Violation,
            world.Broker.DeadLetters,
            probes.Count,
            minInterval,
            recovery.Count / (Budget * 50),
            arrivals.Count == 0 ? double.PositiveInfinity : arrivals.Max() / arrivals.Average());
    }

    /// <summary>Relative throughput of 990 normal items when ten others always fail: 1 means that they are not slowed down.</summary>
    public static double ThroughputWithPoison(SimulatedKeys keys)
    {
        var without = Measure(990, 0);
        var with = Measure(990, 10);
        return without / with;

        TimeSpan Measure(int normal, int poison)
        {
            var items = Enumerable.Range(0, normal + poison).Select(i => Item(i, poison > 0 && i % 100 == 50 ? ItemKind.Poison : ItemKind.Normal));
            var world = Run(keys, new Plan
            {
                Seed = 8,
                Consumers = 16,
                MaxSendsPerSecond = 20,
                Horizon = TimeSpan.FromMinutes(5),
                Submissions = [.. items.Select((item, i) => new Submitted(TimeSpan.FromSeconds(1), Input.Queue, 0, $"m{i}", [item]))],
            });
            var end = world.Store.Records
                .Where(record => record.State == SyncState.Synchronized)
                .Select(record => record.SynchronizedAt!.Value)
                .DefaultIfEmpty(DateTimeOffset.MaxValue)
                .Max();
            return end - VirtualTime.Epoch - TimeSpan.FromSeconds(1);
        }
    }

    /// <summary>AlipayHK calls for each normal item in an array of fifty with one other item.</summary>
    public static IReadOnlyList<int> CallsInPackOfFifty(SimulatedKeys keys, ItemKind other)
    {
        var world = Run(keys, new Plan
        {
            Seed = 9,
            MaxSendsPerSecond = 50,
            Horizon = TimeSpan.FromMinutes(5),
            Submissions =
            [
                new Submitted(
                    TimeSpan.FromSeconds(1),
                    Input.Queue,
                    0,
                    "pack",
                    [.. Enumerable.Range(0, 50).Select(i => Item(i, i == 20 ? other : ItemKind.Normal))]),
            ],
        });
        return [.. Enumerable.Range(0, 50).Where(i => i != 20).Select(i => world.AlipayHk.Log!.Count(call => call.ContentId == Id(i)))];
    }

    /// <summary>AlipayHK does not know our key for half an hour.</summary>
    public static ConfigurationFaultFigures ConfigurationFault(SimulatedKeys keys)
    {
        var end = Start + TimeSpan.FromMinutes(30);
        var world = Run(keys, new Plan
        {
            Seed = 10,
            Consumers = Lanes,
            MaxSendsPerSecond = 200,
            Horizon = end + TimeSpan.FromMinutes(5),
            Outages = [new Outage(Fault.AlipayHkConfigurationFault, Start, end)],
            Submissions = Flow(1_000, (end - TimeSpan.FromMinutes(1)) / 1_000),
        });
        var refused = world.AlipayHk.Log!.Where(call => call.At >= Start && call.At < end).Select(call => call.At).ToList();
        var probeInterval = world.Plan.Recoverability.ProbeInterval;
        var records = world.Store.Records.ToList();
        return new ConfigurationFaultFigures(
            world.Invariants.Violation,
            Lanes,
            refused.Count(at => at < refused[0] + probeInterval * 0.9),
            refused.Count,
            (int)Math.Ceiling((end - Start) / probeInterval),
            world.Broker.DeadLetters,
            records.Max(record => record.Attempts),
            records.Max(record => record.SynchronizedAt ?? DateTimeOffset.MaxValue) - VirtualTime.Epoch - end);
    }

    /// <summary>The first outage whose figures do not hold; null when all do.</summary>
    public static string? FindFailed(SimulatedKeys keys)
    {
        if (!ConfigurationFault(keys).Holds) return "configuration fault";
        if (CallsInPackOfFifty(keys, ItemKind.Poison).Any(calls => calls != 1)) return "pack of fifty";
        if (ThroughputWithPoison(keys) < 0.98) return "poison";
        return TwoHourOutage(keys).Holds ? PoisonScenario.FindFailed(keys) : "two-hour outage";
    }

    private static World Run(SimulatedKeys keys, Plan plan)
    {
        var world = new World(plan, keys, isTraced: false);
        world.AlipayHk.Log = [];
        world.Run();
        return world;
    }

    private static List<Submitted> Flow(int items, TimeSpan interval) =>
    [
        .. Enumerable.Range(0, items).Select(i =>
            new Submitted(interval * i + TimeSpan.FromSeconds(1), Input.Queue, 0, $"m{i}", [Item(i, ItemKind.Normal)])),
    ];

    private static SubmittedItem Item(int number, ItemKind kind) => new(Id(number), 1, new RevisionText(",\"revision\":1"), kind);

    private static string Id(int number) => $"c{number}";
}

/// <param name="Violation">The first violation of an invariant; null when there is none.</param>
/// <param name="DeadLetters">Total number of dead letters.</param>
/// <param name="Probes">Calls during the outage.</param>
/// <param name="MinProbeInterval">Min time between two probes.</param>
/// <param name="ShareOfBudget">Used share of the rate limit, from 60 s to 110 s after the end of the outage.</param>
/// <param name="PeakOverMean">Max number of calls in ten seconds of that time, relative to the mean.</param>
internal sealed record OutageFigures(
    Violation? Violation, long DeadLetters, int Probes, TimeSpan MinProbeInterval, double ShareOfBudget, double PeakOverMean)
{
    /// <summary>At most one probe per 30 s, no dead letter, and within a minute of the recovery the rate limit is used up evenly.</summary>
    public bool Holds => Violation is null && DeadLetters == 0 && Probes > 0 && MinProbeInterval >= TimeSpan.FromSeconds(30)
        && ShareOfBudget >= 0.95 && PeakOverMean <= 1.2;
}

/// <param name="Violation">The first violation of an invariant; null when there is none.</param>
/// <param name="Lanes">Max messages in progress at the same time.</param>
/// <param name="CallsBeforeTrip">Calls from the first refusal until the circuit breaker tripped.</param>
/// <param name="Refused">Total number of calls during the fault.</param>
/// <param name="MaxProbes">One per probe interval.</param>
/// <param name="DeadLetters">Total number of dead letters.</param>
/// <param name="MaxAttempts">Max attempts of any item at the end; refused attempts do not count.</param>
/// <param name="RecoveredAfter">Time from the end of the fault until the last item was synchronized.</param>
internal sealed record ConfigurationFaultFigures(
    Violation? Violation,
    int Lanes,
    int CallsBeforeTrip,
    int Refused,
    int MaxProbes,
    long DeadLetters,
    int MaxAttempts,
    TimeSpan RecoveredAfter)
{
    /// <summary>The circuit breaker trips within one item per lane, probes, spends no attempts, and resets automatically.</summary>
    public bool Holds => Violation is null && CallsBeforeTrip <= Lanes && Refused <= Lanes + MaxProbes && DeadLetters == 0
        && MaxAttempts == 1 && RecoveredAfter < TimeSpan.FromMinutes(2);
}
