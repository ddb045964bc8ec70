using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>Crashes at every port call in turn, before and after its effect: each time all must come to its end, with at most one more partner call for each item that can be in flight.</summary>
internal static class CrashPoints
{
    /// <summary>The ways an item, or a whole catalog, takes through the app.</summary>
    public static IReadOnlyList<(string Name, Plan Plan)> Paths { get; } =
    [
        ("queue", Path(Door.Queue, Nature.Sound, 1)),
        ("HTTP, sent at once", Path(Door.HttpNow, Nature.Sound, 1)),
        ("HTTP, enqueued", Path(Door.HttpLater, Nature.Sound, 1)),
        ("array of three", Path(Door.Queue, Nature.Sound, 3)),
        ("rejected", Path(Door.Queue, Nature.Risky, 1)),
        ("failing until it is parked", Path(Door.Queue, Nature.Poison, 1)),
        ("resync, one at a time", Resync(new BulkPlan { ItemsPerPack = 3, Last = [] })),
        ("resync, a lane with a few in flight", Resync(new BulkPlan { ItemsPerPack = 3, InFlightPerLane = 3, Last = [] })),
        ("resync over sessions, one lane", Resync(new BulkPlan { ItemsPerPack = 3, IsThroughBroker = true, Last = [] })),
        ("resync over sessions, three lanes", Resync(new BulkPlan { ItemsPerPack = 2, Lanes = 3, IsThroughBroker = true, Last = [] })),
    ];

    /// <returns>How many crashes were tried, and every one that did not converge.</returns>
    public static (int Tried, IReadOnlyList<string> Failures) Run(Plan path, SimulatedKeys keys)
    {
        var undisturbed = SimulationRun.Of(path, keys);
        var failures = new List<string>();
        if (undisturbed.Violation is { } fault) failures.Add($"undisturbed: {fault}");
        for (var call = 1; call <= undisturbed.PortCalls; call++)
        {
            foreach (var isAfter in (ReadOnlySpan<bool>)[false, true])
            {
                var point = new CrashPoint(call, isAfter);
                var run = SimulationRun.Of(path with { CrashPoint = point }, keys);
                if (run.Violation is { } violation) failures.Add($"{point}: {violation}");
                else if (run.Faults[Fault.Crash] != 1) failures.Add($"{point}: no crash");
                else if (run.PartnerCalls > undisturbed.PartnerCalls + MostInFlight(path)) failures.Add($"{point}: {run.PartnerCalls} partner calls instead of {undisturbed.PartnerCalls}");
            }
        }

        return (undisturbed.PortCalls * 2, failures);
    }

    private static int MostInFlight(Plan path) => path.Bulk is { } bulk ? bulk.Lanes * bulk.InFlightPerLane : path.Submissions.Sum(submitted => submitted.Items.Count);

    /// <summary>A first catalog; then one with a content that is new, one that has changed, one that has vanished and one that was rejected before.</summary>
    private static Plan Resync(BulkPlan bulk)
    {
        SubmittedItem[] first = [.. Enumerable.Range(0, 7).Select(i => new SubmittedItem($"b{i}", 1, null, i == 3 ? Nature.Risky : Nature.Sound))];
        SubmittedItem[] last = [first[0] with { Content = 2 }, .. first[2..], new SubmittedItem("b7", 1, null, Nature.Sound)];
        return new Plan
        {
            Seed = 1,
            Horizon = TimeSpan.FromMinutes(2),
            SweepInterval = TimeSpan.FromHours(1),
            Bulk = bulk with { Exports = [new Export(TimeSpan.FromSeconds(5), first, IsCut: false)], Asked = [new ResyncAsked(TimeSpan.FromSeconds(10), 0, new ResyncParameters())], Last = last },
        };
    }

    private static Plan Path(Door door, Nature nature, int items) => new()
    {
        Seed = 1,
        Horizon = TimeSpan.FromMinutes(2),
        SweepInterval = TimeSpan.FromHours(1),
        Submissions = [new Submitted(TimeSpan.FromSeconds(1), door, 0, "m", [.. Enumerable.Range(0, items).Select(i => new SubmittedItem($"c{i}", 1, new RevisionText(1, ",\"revision\":1"), nature))])],
    };
}
