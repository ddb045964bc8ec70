using System.Globalization;

namespace ContentSync.Mutation;

/// <summary>Prints the mutants with their results, totals per folder, and the share that was caught.</summary>
internal static class ResultTable
{
    public static void Write(
        IReadOnlyList<Mutation> mutations,
        IReadOnlyDictionary<string, TrialResult> results,
        IReadOnlyDictionary<string, string> explained,
        TextWriter output)
    {
        output.WriteLine("| id | place | operator | change | caught by |\n|---|---|---|---|---|");
        foreach (var mutation in mutations) output.WriteLine(Row(mutation, results.GetValueOrDefault(mutation.Id), explained));

        output.WriteLine("\n| folder | mutants | caught by tests | caught by seeds | survived, explained | survived | not run |");
        output.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var folder in mutations.GroupBy(mutation => mutation.Folder)) output.WriteLine($"| {folder.Key} | {Counts(folder)} |");
        output.WriteLine($"| all | {Counts(mutations)} |\n");

        var run = mutations.Where(mutation => results.ContainsKey(mutation.Id)).ToList();
        var caught = run.Count(mutation => results[mutation.Id].IsCaught);
        var open = run.Count(mutation => !results[mutation.Id].IsCaught && !explained.ContainsKey(mutation.Id));
        var minutes = run.Sum(mutation => results[mutation.Id].Seconds) / 60;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{run.Count} mutants ran in {minutes:0.0} minutes. Caught: {caught} ({Share(caught, run.Count):0.0} %; "
            + $"{Share(caught, caught + open):0.0} % of those that can be caught)."));

        string Counts(IEnumerable<Mutation> group)
        {
            var of = group.Select(mutation => (mutation.Id, Result: results.GetValueOrDefault(mutation.Id))).ToList();
            var survivors = of.Where(one => one.Result is { IsCaught: false }).ToList();
            return string.Join(
                " | ",
                of.Count,
                of.Count(one => one.Result is { IsCaught: true, IsCaughtBySeed: false }),
                of.Count(one => one.Result is { IsCaughtBySeed: true }),
                survivors.Count(one => explained.ContainsKey(one.Id)),
                survivors.Count(one => !explained.ContainsKey(one.Id)),
                of.Count(one => one.Result is null));
        }
    }

    public static string Row(Mutation mutation, TrialResult? result, IReadOnlyDictionary<string, string> explained)
    {
        var outcome = result switch
        {
            null => "not run",
            { CaughtBy: { } by, Note: WorkerProcess.Hangs or WorkerProcess.Ended } => $"{by}: {result.Note}",
            { CaughtBy: { } by } => by,
            _ when explained.TryGetValue(mutation.Id, out var reason) => $"survived, explained: {reason}",
            _ => $"SURVIVED {result.Note}{(result.IsFinal ? "" : ", more to come")}",
        };
        return $"| {mutation.Id} | {mutation.File}:{mutation.Line} | {mutation.Operator} | {Escape(mutation.Change)} | {Escape(outcome)} |";
    }

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private static double Share(int part, int whole) => whole == 0 ? 0 : 100.0 * part / whole;
}
