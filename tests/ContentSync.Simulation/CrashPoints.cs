using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>
/// Crashes at each port call in turn, before and after its effect; of the local host also a power loss at each write and sync of its disk. Every
/// time all items must reach an outcome, with at most one additional AlipayHK call for each item that can be in flight, or whose outcome was not
/// synced.
/// </summary>
internal static class CrashPoints
{
    private const int TracedLines = 60;

    private static readonly Export Empty = new(default, []);

    /// <summary>The paths of an item or a whole catalog through the app.</summary>
    public static IReadOnlyList<(string Name, Plan Plan)> Paths { get; } =
    [
        ("queue", Path(Input.Queue, ItemKind.Normal, 1)),
        ("HTTP, sent immediately", Path(Input.HttpSync, ItemKind.Normal, 1)),
        ("HTTP, enqueued", Path(Input.HttpAsync, ItemKind.Normal, 1)),
        ("array of three", Path(Input.Queue, ItemKind.Normal, 3)),
        ("rejected", Path(Input.Queue, ItemKind.Risky, 1)),
        ("failing until parked", Path(Input.Queue, ItemKind.Poison, 1)),
        ("resync over sessions, several in flight in a lane", Resync(new BulkPlan { ItemsPerPack = 3, InFlightPerLane = 3, FinalExport = Empty })),
        ("resync over sessions, one lane", Resync(new BulkPlan { ItemsPerPack = 3, FinalExport = Empty })),
        ("resync over sessions, three lanes", Resync(new BulkPlan { ItemsPerPack = 2, Lanes = 3, FinalExport = Empty })),
        ("local host, HTTP, sent immediately", Local(Path(Input.HttpSync, ItemKind.Normal, 1))),
        ("local host, HTTP, enqueued", Local(Path(Input.HttpAsync, ItemKind.Normal, 1))),
        ("local host, batch of three", Local(Path(Input.HttpAsync, ItemKind.Normal, 3))),
        ("local host, rejected", Local(Path(Input.HttpAsync, ItemKind.Risky, 1))),
        ("local host, failing until parked", Local(Path(Input.HttpAsync, ItemKind.Poison, 1))),
        ("local host, resync", Local(Resync(new BulkPlan { FinalExport = Empty }))),
    ];

    /// <returns>
    /// The number of crashes, and a text for each one after which the app did not recover, the first one with the end of its trace.
    /// </returns>
    public static (int Crashes, IReadOnlyList<string> Failures) Run(Plan path, SimulatedKeys keys)
    {
        var undisturbed = SimulationRun.Of(path, keys);
        var failures = new List<string>();
        if (undisturbed.Violation is { } fault) failures.Add($"undisturbed: {fault}");
        var crashes = 0;
        foreach (var point in Points(undisturbed))
        {
            crashes++;
            var crashing = path with { CrashPoint = point };
            if (FaultOf(SimulationRun.Of(crashing, keys), undisturbed) is not { } failure) continue;
            var trace = failures.Count == 0 ? SimulationRun.Of(crashing, keys, isTraced: true).Trace.TakeLast(TracedLines) : [];
            failures.Add(string.Join(Environment.NewLine, [$"{point}: {failure}", .. trace]));
        }

        return (crashes, failures);
    }

    private static string? FaultOf(SimulationRun run, SimulationRun undisturbed)
    {
        if (run.Violation is { } violation) return violation.ToString();
        if (run.Faults[Fault.Crash] != 1) return "no crash";
        return run.AlipayHkCalls > undisturbed.AlipayHkCalls + MaxRepeated(run.Plan, undisturbed)
            ? $"{run.AlipayHkCalls} AlipayHK calls instead of {undisturbed.AlipayHkCalls}"
            : null;
    }

    private static IEnumerable<CrashPoint> Points(SimulationRun undisturbed)
    {
        for (var call = 1; call <= undisturbed.PortCalls; call++)
        {
            yield return new CrashPoint(CrashMoment.BeforeCall, call);
            yield return new CrashPoint(CrashMoment.AfterCall, call);
        }

        for (var write = 1; write <= undisturbed.DiskWrites; write++) yield return new CrashPoint(CrashMoment.AtDiskWrite, write);
    }

    // A power loss forgets outcomes, which are not synced.
    private static long MaxRepeated(Plan path, SimulationRun undisturbed)
    {
        if (path.CrashPoint!.Moment == CrashMoment.AtDiskWrite) return undisturbed.AlipayHkCalls;
        if (path.Bulk is null) return path.Submissions.Sum(submitted => submitted.Items.Count);
        var options = path.Bulk.Options(path);
        return options.Lanes * options.InFlightPerLane;
    }

    /// <summary>The same on the shipped local host.</summary>
    private static Plan Local(Plan path) => path with
    {
        IsLocal = true,
        HasSendState = true,
        HasHostSettings = true,
        SweepInterval = HostSettings.SweepInterval,
        Recoverability = HostSettings.Recoverability,
    };

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
                Exports = [new Export(TimeSpan.FromSeconds(5), first)],
                Triggers = [new ResyncTrigger(TimeSpan.FromSeconds(10), 0, new ResyncParameters())],
                FinalExport = new Export(default, last),
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
