using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Items that always fail, with figures that must hold. Everything else works.</summary>
internal static class PoisonScenario
{
    private const int Burst = 200;
    private const double Budget = 20;

    /// <summary>Four items always fail among 200 others in a burst, and among one a minute after it. Nothing ever stops.</summary>
    public static PoisonFigures AmongOthers(SimulatedKeys keys, ItemKind kind)
    {
        var burst = Enumerable.Range(0, Burst).Select(i => Submit(TimeSpan.FromSeconds(1), $"b{i}", ItemKind.Normal)).ToList();
        for (var i = 1; i <= 4; i++) burst.Insert(40 * i, Submit(TimeSpan.FromSeconds(1), $"p{i}", kind));
        var flow = Enumerable.Range(1, 5_400).Select(i => Submit(TimeSpan.FromSeconds(60 * i), $"f{i}", ItemKind.Normal));
        var plan = new Plan { Seed = 11, Consumers = 16, MaxSendsPerSecond = Budget, Submissions = [.. burst, .. flow] };
        return Run(plan, keys, maxTrips: 0);
    }

    /// <summary>An item that always fails is alone for five minutes; then 20 others arrive.</summary>
    public static PoisonFigures BeforeOthers(SimulatedKeys keys, ItemKind kind)
    {
        var others = Enumerable.Range(0, 20).Select(i => Submit(TimeSpan.FromMinutes(5), $"b{i}", ItemKind.Normal));
        var flow = Enumerable.Range(6, 5_400).Select(i => Submit(TimeSpan.FromSeconds(60 * i), $"f{i}", ItemKind.Normal));
        var plan = new Plan
        {
            Seed = 12,
            MaxSendsPerSecond = Budget,
            Submissions = [Submit(TimeSpan.FromSeconds(1), "p1", kind), .. others, .. flow],
        };
        return Run(plan, keys, maxTrips: 1);
    }

    /// <summary>A single item while AlipayHK does not know our key for half an hour.</summary>
    public static SingleItemFigures SingleItem(SimulatedKeys keys)
    {
        var (start, end) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(40));
        var plan = new Plan
        {
            Seed = 13,
            Horizon = end + TimeSpan.FromMinutes(5),
            Outages = [new Outage(Fault.AlipayHkConfigurationFault, start, end)],
            Submissions = [Submit(start + TimeSpan.FromMinutes(1), "a", ItemKind.Normal)],
        };
        var world = new World(plan, keys, isTraced: false);
        var isOpen = false;
        world.Time.At(start + TimeSpan.FromMinutes(5), () => isOpen = world.Machines[0].Process!.CircuitBreaker.OpenState is not null);
        world.Run();
        var record = world.Store.Find("a")!.Record;
        var recoveredAfter = (record.SynchronizedAt ?? DateTimeOffset.MaxValue) - VirtualTime.Epoch - end;
        return new SingleItemFigures(world.Invariants.Violation, isOpen, record.Attempts, recoveredAfter);
    }

    /// <summary>The first scenario whose figures do not hold; null when all do.</summary>
    public static string? FindFailed(SimulatedKeys keys)
    {
        if (!SingleItem(keys).Holds) return "single item";
        foreach (var kind in (ItemKind[])[ItemKind.Blocked, ItemKind.Unauthorized, ItemKind.Resetting, ItemKind.Outdated])
        {
            if (!AmongOthers(keys, kind).Holds) return $"{kind} among others";
            if (!BeforeOthers(keys, kind).Holds) return $"{kind} before others";
        }

        return null;
    }

    // An open circuit breaker stays open for a probe interval, which is longer than the time between two looks.
    private static PoisonFigures Run(Plan plan, SimulatedKeys keys, int maxTrips)
    {
        var world = new World(plan, keys, isTraced: false);
        var trips = new HashSet<DateTimeOffset>();
        Look();
        world.Run();
        var records = world.Store.Records.ToList();
        var poison = records.Where(record => record.ContentId.StartsWith('p')).ToList();
        var delays = records.Except(poison).Select(record => (record.SynchronizedAt ?? DateTimeOffset.MaxValue) - record.AcceptedAt).ToList();
        return new PoisonFigures(
            world.Invariants.Violation,
            delays.Max(),
            delays.Count(delay => delay > TimeSpan.FromSeconds(15)),
            poison.TrueForAll(record => record.ParkReason == ParkReason.AttemptsExhausted),
            poison.Max(record => record.Attempts),
            trips.Count,
            maxTrips);

        void Look()
        {
            foreach (var machine in world.Machines)
            {
                if (machine.Process?.CircuitBreaker.OpenState is { } open) trips.Add(open.Since);
            }

            world.Time.After(TimeSpan.FromSeconds(15), Look);
        }
    }

    private static Submitted Submit(TimeSpan at, string contentId, ItemKind kind) =>
        new(at, Input.Queue, 0, contentId, [new SubmittedItem(contentId, 1, new RevisionText(",\"revision\":1"), kind)]);
}

/// <param name="Violation">The first violation of an invariant; null when there is none.</param>
/// <param name="MaxDelay">Max time from acceptance to success of the items that AlipayHK accepts.</param>
/// <param name="HeldUp">Number of those items that waited for more than 15 s, which is more than the burst takes.</param>
/// <param name="IsParked">Every item that always fails is parked with AttemptsExhausted.</param>
/// <param name="Attempts">Max attempts of an item that always fails.</param>
/// <param name="Trips">How often the circuit breaker tripped.</param>
/// <param name="MaxTrips">How often it may trip.</param>
internal sealed record PoisonFigures(Violation? Violation, TimeSpan MaxDelay, int HeldUp, bool IsParked, int Attempts, int Trips, int MaxTrips)
{
    /// <summary>The others wait for two probe intervals at most, and only once; the items at fault spend their attempts and are parked.</summary>
    public bool Holds =>
        Violation is null && MaxDelay < TimeSpan.FromMinutes(2) && HeldUp <= 25 && IsParked && Attempts is >= 4 and <= 16 && Trips <= MaxTrips;
}

/// <param name="Violation">The first violation of an invariant; null when there is none.</param>
/// <param name="IsOpen">The circuit breaker was open during the fault, so that a person sees it.</param>
/// <param name="Attempts">Attempts of the item at the end; refused attempts do not count.</param>
/// <param name="RecoveredAfter">Time from the end of the fault until the item was synchronized.</param>
internal sealed record SingleItemFigures(Violation? Violation, bool IsOpen, int Attempts, TimeSpan RecoveredAfter)
{
    public bool Holds => Violation is null && IsOpen && Attempts == 1 && RecoveredAfter < TimeSpan.FromMinutes(2);
}
