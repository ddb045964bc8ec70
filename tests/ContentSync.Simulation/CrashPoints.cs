namespace ContentSync.Simulation;

/// <summary>Crashes at every port call in turn, before and after its effect: each time all must come to its end, with at most one more partner call for each item in flight.</summary>
internal static class CrashPoints
{
    /// <summary>The ways an item takes through the app.</summary>
    public static IReadOnlyList<(string Name, Plan Plan)> Paths { get; } =
    [
        ("queue", Path(Door.Queue, Nature.Sound, 1)),
        ("HTTP, sent at once", Path(Door.HttpNow, Nature.Sound, 1)),
        ("HTTP, enqueued", Path(Door.HttpLater, Nature.Sound, 1)),
        ("array of three", Path(Door.Queue, Nature.Sound, 3)),
        ("rejected", Path(Door.Queue, Nature.Risky, 1)),
        ("failing until it is parked", Path(Door.Queue, Nature.Poison, 1)),
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
                else if (run.PartnerCalls > undisturbed.PartnerCalls + path.Submissions.Sum(submitted => submitted.Items.Count)) failures.Add($"{point}: {run.PartnerCalls} partner calls instead of {undisturbed.PartnerCalls}");
            }
        }

        return (undisturbed.PortCalls * 2, failures);
    }

    private static Plan Path(Door door, Nature nature, int items) => new()
    {
        Seed = 1,
        Horizon = TimeSpan.FromMinutes(2),
        SweepInterval = TimeSpan.FromHours(1),
        Submissions = [new Submitted(TimeSpan.FromSeconds(1), door, 0, "m", [.. Enumerable.Range(0, items).Select(i => new SubmittedItem($"c{i}", 1, new RevisionText(1, ",\"revision\":1"), nature))])],
    };
}
