using System.Globalization;

namespace ContentSync.Simulation.Mutants;

/// <summary>Result for one planted bug.</summary>
/// <param name="Number">Number of the bug, from 1.</param>
/// <param name="Mutant">The bug.</param>
/// <param name="CaughtBy">The violated invariant, or OutageBehaviour; null when the bug was not caught.</param>
/// <param name="Where">The simulation that caught it.</param>
internal sealed record MutantResult(int Number, Mutant Mutant, string? CaughtBy, string Where);

/// <summary>Plants one bug at a time and simulates until an invariant is violated. Only the woven build has bugs to plant.</summary>
internal static class MutantRun
{
    private const int Seeds = 2_000;

    private static readonly (string Name, Func<ulong, Plan> PlanOf)[] Variants =
    [
        ("", PlanGenerator.Of),
        (" without sweep", PlanGenerator.WithoutSweep),
        (" impatient", PlanGenerator.WithImpatientCallers),
        (" wide", PlanGenerator.WithCatalogsAndVaults),
        (" poison", PlanGenerator.WithPoison),
        (" local", PlanGenerator.WithLocalHost),
    ];

    private static readonly (string Name, Func<ulong, Plan> PlanOf)[] TableVariants = [(" table", PlanGenerator.WithTable)];

    private static readonly (string Name, Func<ulong, Plan> PlanOf)[] LocalVariants = [(" local", PlanGenerator.WithLocalHost)];

    // Other seeds have a catalog only now and then.
    private static readonly (string Name, Func<ulong, Plan> PlanOf)[] CatalogVariants =
        [(" wide", PlanGenerator.WithCatalogsAndVaults), (" local", PlanGenerator.WithLocalHost)];

    private static readonly (string Name, Func<ulong, Plan> PlanOf)[] SharingVariants = [(" shared", PlanGenerator.WithSharedBudget), ("", PlanGenerator.Of)];

    /// <param name="threads">Number of bugs that run at the same time.</param>
    /// <param name="plant">Switches a bug on for the current thread; 0 switches all off.</param>
    /// <param name="only">Number of a single bug; null for all.</param>
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
                results[i] = Catch(numbers[i], plant, keys);
            }
        }
    }

    public static void Write(IReadOnlyList<MutantResult> results, TextWriter output)
    {
        foreach (var result in results)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{result.Number,3}  {result.CaughtBy ?? "NOT CAUGHT",-22} {result.Where,-24} {result.Mutant.Name}"));
        }

        var caught = results.Count(result => result.CaughtBy is not null);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{caught} of {results.Count} caught"));
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

    private static (string Name, Func<ulong, Plan> PlanOf)[] VariantsOf(Mutant mutant)
    {
        if (mutant.IsInTable) return TableVariants;
        if (mutant.IsInLocalHost) return LocalVariants;
        return mutant.IsInCatalogs ? CatalogVariants : mutant.IsInSharing ? SharingVariants : Variants;
    }

    private static MutantResult Catch(int number, Action<int> plant, SimulatedKeys keys)
    {
        var mutant = MutantList.All[number - 1];
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            foreach (var (variant, planOf) in VariantsOf(mutant))
            {
                if (Find(() => FindViolated(planOf(seed), keys)) is { } invariant)
                    return new MutantResult(number, mutant, invariant, $"seed {seed}{variant}");
            }

            // Outages take longer than seeds, so they run only if the first seeds do not catch the bug.
            if (seed == 20 && !mutant.IsInTable && !mutant.IsInLocalHost && Find(() => Scenario.FindFailed(keys)) is { } failed)
                return new MutantResult(number, mutant, "OutageBehaviour", failed);
        }

        return new MutantResult(number, mutant, null, $"{Seeds} seeds");

        // What fails without the bug, too, says nothing about it.
        string? Find(Func<string?> run)
        {
            plant(number);
            var found = run();
            plant(0);
            return found is null || run() is not null ? null : found;
        }
    }

    private static string? FindViolated(Plan plan, SimulatedKeys keys)
    {
        try
        {
            return SimulationRun.Of(plan, keys).Violation?.Invariant.ToString();
        }
        catch (Exception e)
        {
            // A bug may break the simulation itself, for example with a body that is not JSON.
            return e.GetType().Name;
        }
    }
}
