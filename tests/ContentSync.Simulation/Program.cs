using ContentSync.Simulation;
using ContentSync.Simulation.Mutants;

if (args is [BudgetSender.Command]) return await BudgetSender.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
if (Arguments.Read(args) is not { } arguments)
{
    Console.Error.WriteLine(Arguments.Usage);
    return 2;
}

if (arguments.Mutants)
{
#if MUTANTS
    var results = MutantRun.Run(arguments.Threads, PlantedBug.Plant, (int?)arguments.Seed);
    if (arguments.IsJson)
    {
        using var stream = Console.OpenStandardOutput();
        MutantRun.WriteJson(results, stream);
    }
    else
    {
        MutantRun.Write(results, Console.Out);
    }

    return results.All(result => result.CaughtBy is not null) ? 0 : 1;
#else
    return MutantBuild.Run(args);
#endif
}

if (arguments.CrashPoints)
{
    using var keys = new SimulatedKeys();
    var broken = 0;
    foreach (var (name, plan) in CrashPoints.Paths)
    {
        var (crashes, failures) = CrashPoints.Run(plan, keys);
        Console.WriteLine($"{name}: {crashes} crashes, {failures.Count} failures");
        foreach (var failure in failures) Console.WriteLine($"  {failure}");
        broken += failures.Count;
    }

    return broken == 0 ? 0 : 1;
}

if (arguments.Seed is { } seed)
{
    var run = SeedRunner.Trace(arguments.PlanOf(seed));
    if (arguments.IsTraced)
    {
        foreach (var line in run.Trace) Console.WriteLine(line);
    }

    Console.WriteLine($"seed {seed}: {(run.Violation is { } violation ? $"{violation.Invariant}: {violation.Text}" : "no violation")}");
    return run.Violation is null ? 0 : 1;
}

var seeds = Enumerable.Range(0, arguments.Seeds).Select(i => arguments.From + (ulong)i);
var report = SeedRunner.Run(seeds, arguments.PlanOf, arguments.Threads, TimeSpan.MaxValue);
if (arguments.IsJson)
{
    using var output = Console.OpenStandardOutput();
    ReportWriter.WriteJson(report, output);
}
else
{
    ReportWriter.WriteText(report, arguments.PlanOf, Console.Out);
}

return report.Violations.Count == 0 ? 0 : 1;
