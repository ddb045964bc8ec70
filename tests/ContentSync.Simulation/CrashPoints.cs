using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>
/// Crashes at each port call in turn, before and after its effect. Every time all items must reach an outcome, with at most one additional
/// AlipayHK call for each item that can be in flight.
/// </summary>
internal static class CrashPoints
{
    /// <summary>The paths of an item or a whole catalog through the app.</summary>
    public static IReadOnlyList<(string Name, Plan Plan)> Paths { get; } =
    [
        ("queue", Path(Input.Queue, ItemKind.Normal, 1)),
        ("HTTP, sent immediately", Path(Input.HttpSync, ItemKind.Normal, 1)),
        ("HTTP, enqueued", Path(Input.HttpAsync, ItemKind.Normal, 1)),
        ("array of three", Path(Input.Queue, ItemKind.Normal, 3)),
        ("rejected", Path(Input.Queue, ItemKind.Risky, 1)),
        ("failing until parked", Path(Input.Queue, ItemKind.Poison, 1)),
        ("resync, one at a time", Resync(new BulkPlan { ItemsPerPack = 3, FinalItems = [] })),
        ("resync, several in flight in a lane", Resync(new BulkPlan { ItemsPerPack = 3, InFlightPerLane = 3, FinalItems = [] })),
        ("resync over sessions, one lane", Resync(new BulkPlan { ItemsPerPack = 3, IsThroughBroker = true, FinalItems = [] })),
        ("resync over sessions, three lanes", Resync(new BulkPlan { ItemsPerPack = 2, Lanes = 3, IsThroughBroker = true, FinalItems = [] })),
    ];

    /// <returns>The number of crashes, and a text for each one after which the app did not recover.</returns>
    public static (int Crashes, IReadOnlyList<string> Failures) Run(Plan path, SimulatedKeys keys)
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
                else if (run.AlipayHkCalls > undisturbed.AlipayHkCalls + MaxInFlight(path))
                    failures.Add($"{point}: {run.AlipayHkCalls} AlipayHK calls instead of {undisturbed.AlipayHkCalls}");
            }
        }

        return (undisturbed.PortCalls * 2, failures);
    }

    private static int MaxInFlight(Plan path) =>
        path.Bulk is { } bulk ? bulk.Lanes * bulk.InFlightPerLane : path.Submissions.Sum(submitted => submitted.Items.Count);

    /// <summary>A first catalog, then one with a new item, a changed item, a vanished item and an item that was rejected before.</summary>
    private static Plan Resync(BulkPlan bulk)
    {
        SubmittedItem[] first =
        [
            .. Enumerable.Range(0, 7).Select(i => new SubmittedItem($"b{i}", 1, null, i == 3 ? ItemKind.Risky : ItemKind.Normal)),
        ];
        SubmittedItem[] last = [first[0] with { Content = 2 }, .. first[2..], new SubmittedItem("b7", 1, null, ItemKind.Normal)];
        return new Plan
        {
            Seed = 1,
            Horizon = TimeSpan.FromMinutes(2),
            SweepInterval = TimeSpan.FromHours(1),
            Bulk = bulk with
            {
                Exports = [new Export(TimeSpan.FromSeconds(5), first, IsTruncated: false)],
                Triggers = [new ResyncTrigger(TimeSpan.FromSeconds(10), 0, new ResyncParameters())],
                FinalItems = last,
            },
        };
    }

    private static Plan Path(Input input, ItemKind kind, int items) => new()
    {
        Seed = 1,
        Horizon = TimeSpan.FromMinutes(2),
        SweepInterval = TimeSpan.FromHours(1),
        Submissions =
        [
            new Submitted(TimeSpan.FromSeconds(1), input, 0, "m", [.. Enumerable.Range(0, items).Select(i => Item($"c{i}", kind))]),
        ],
    };

    private static SubmittedItem Item(string contentId, ItemKind kind) => new(contentId, 1, new RevisionText(",\"revision\":1"), kind);
}
