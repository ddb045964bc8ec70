using System.Globalization;

namespace ContentSync.Simulation.Mutants;

/// <summary>What came of one planted bug.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Mutant">The bug.</param>
/// <param name="CaughtBy">The invariant, or the outage whose figures it broke; null where it went unseen.</param>
/// <param name="Where">Which simulation saw it.</param>
internal sealed record MutantResult(int Number, Mutant Mutant, string? CaughtBy, string Where);

/// <summary>Plants one bug at a time and simulates until an invariant does not hold. Only the woven build has bugs to plant.</summary>
internal static class MutantRun
{
    private const int Seeds = 2_000;

    /// <param name="threads">Bugs looked for at the same time.</param>
    /// <param name="plant">Switches a bug on for the current thread; 0 for none.</param>
    /// <param name="only">The number of one bug; null for all.</param>
    public static IReadOnlyList<MutantResult> Run(int threads, Action<int> plant, int? only)
    {
        using var keys = new SimulatedKeys();
        var numbers = only is { } one ? [one] : Enumerable.Range(1, MutantList.All.Count).ToArray();
        var results = new MutantResult[numbers.Length];
        var next = -1;
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(Work, maxStackSize: 16 * 1024 * 1024)).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        return results;

        void Work()
        {
            for (var i = Interlocked.Increment(ref next); i < results.Length; i = Interlocked.Increment(ref next))
            {
                plant(numbers[i]);
                results[i] = Catch(numbers[i], keys);
                plant(0);
            }
        }
    }

    public static void Write(IReadOnlyList<MutantResult> results, TextWriter output)
    {
        foreach (var result in results)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Number,3}  {result.CaughtBy ?? "NOT CAUGHT",-22} {result.Where,-24} {result.Mutant.Name}"));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{results.Count(result => result.CaughtBy is not null)} of {results.Count} caught"));
    }

    public static void WriteJson(IReadOnlyList<MutantResult> results, Stream output)
    {
        using var json = ReportWriter.Json(output);
        json.WriteStartObject();
        json.WriteNumber("planted", results.Count);
        json.WriteNumber("caught", results.Count(result => result.CaughtBy is not null));
        json.WriteStartArray("mutants");
        foreach (var result in results)
        {
            json.WriteStartObject();
            json.WriteNumber("number", result.Number);
            json.WriteString("bug", result.Mutant.Name);
            json.WriteString("caughtBy", result.CaughtBy);
            json.WriteString("where", result.Where);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static MutantResult Catch(int number, SimulatedKeys keys)
    {
        var mutant = MutantList.All[number - 1];
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            if (SimulationRun.Of(PlanDraw.Of(seed), keys).Violation is { } violation) return new MutantResult(number, mutant, violation.Invariant.ToString(), $"seed {seed}");
            if (SimulationRun.Of(PlanDraw.WithoutSweep(seed), keys).Violation is { } other) return new MutantResult(number, mutant, other.Invariant.ToString(), $"seed {seed} without sweep");
            if (SimulationRun.Of(PlanDraw.WithImpatientCallers(seed), keys).Violation is { } third) return new MutantResult(number, mutant, third.Invariant.ToString(), $"seed {seed} impatient");
            if (SimulationRun.Of(PlanDraw.WithCatalogsAndVaults(seed), keys).Violation is { } fourth) return new MutantResult(number, mutant, fourth.Invariant.ToString(), $"seed {seed} wide");

            // Outages take longer than seeds, so they come when the first seeds have not seen it.
            if (seed == 20 && Scenario.Broken(keys) is { } broken) return new MutantResult(number, mutant, "OutageBehaviour", broken);
        }

        return new MutantResult(number, mutant, null, $"{Seeds} seeds");
    }
}
