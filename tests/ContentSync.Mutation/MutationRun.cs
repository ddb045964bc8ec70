using System.Diagnostics;

namespace ContentSync.Mutation;

/// <summary>Chooses the mutants, runs those without a result, and prints the table.</summary>
internal sealed class MutationRun(Arguments arguments, TextWriter output)
{
    private static readonly string[] Projects =
    [
        "src/ContentSync/ContentSync.csproj",
        "src/ContentSync.Sqlite/ContentSync.Sqlite.csproj",
        "src/ContentSync.Local/ContentSync.Local.csproj",
        "tests/ContentSync.Functions.Substituted/ContentSync.Functions.Substituted.csproj",
    ];

    private readonly Repository _repository = Repository.Find();

    /// <returns>0 when every mutant of the sample is caught or explained, otherwise 1.</returns>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        Directory.CreateDirectory(_repository.Cache);
        List<SourceProject> projects = [];
        foreach (var path in Projects) projects.Add(await SourceProject.OpenAsync(_repository, path, cancellationToken).ConfigureAwait(false));

        var all = projects
            .SelectMany(project => project.Files.Where(file => Folders.IsMutated(file.Path))
                .SelectMany(file => MutationFinder.Of(project.Name, file)))
            .ToList();
        var explained = Survivors.Read(_repository);
        var cache = new ResultCache(_repository);
        var results = new Dictionary<string, TrialResult>(cache.Read(all));
        var chosen = Choose(all, projects, cancellationToken);
        if (arguments.IsListed || arguments.IsReported)
        {
            ResultTable.Write(chosen, arguments.IsListed ? new Dictionary<string, TrialResult>() : results, explained, output);
            return 0;
        }

        await TryAsync(chosen, projects, cache, results, explained, clock, cancellationToken).ConfigureAwait(false);
        ResultTable.Write(chosen, results, explained, output);
        return chosen.All(IsSettled) ? 0 : 1;

        bool IsSettled(Mutation mutation) =>
            results.TryGetValue(mutation.Id, out var result) && (result.IsCaught || explained.ContainsKey(mutation.Id));
    }

    private IReadOnlyList<Mutation> Choose(List<Mutation> all, IReadOnlyList<SourceProject> projects, CancellationToken cancellationToken)
    {
        if (arguments.Only.Count > 0)
        {
            return
            [
                .. all.Where(mutation => arguments.Only.Any(
                    only => mutation.Id == only || mutation.File.StartsWith(only, StringComparison.Ordinal))),
            ];
        }

        var byName = projects.ToDictionary(project => project.Name);
        var known = new CompiledMutations(_repository);
        return Sample.Of(
            all,
            arguments.Sample,
            mutation => known.Compiles(mutation, () => byName[mutation.Project].Compiles(mutation, cancellationToken)));
    }

    private async Task TryAsync(
        IReadOnlyList<Mutation> chosen,
        IReadOnlyList<SourceProject> projects,
        ResultCache cache,
        Dictionary<string, TrialResult> results,
        IReadOnlyDictionary<string, string> explained,
        Stopwatch clock,
        CancellationToken cancellationToken)
    {
        if (chosen.All(mutation => results.TryGetValue(mutation.Id, out var known) && known.IsFinal)) return;
        using var worker = new WorkerProcess(_repository);
        var coverage = await Coverage.RecordAsync(_repository, projects, worker, output, cancellationToken).ConfigureAwait(false);
        worker.Stop();
        var switched = Weave(chosen, projects, worker, cancellationToken);
        var trial = new Trial(_repository, projects, coverage, worker, cache, switched);
        List<TrialResult> caught = [];
        foreach (var stage in Enum.GetValues<TrialStage>())
        {
            // Ids are digests, so that a run that ends early has seen something of every folder.
            var open = chosen.Where(mutation => IsOpen(mutation, stage)).OrderByDescending(trial.IsSwitched).ThenBy(mutation => mutation.Id).ToList();
            foreach (var mutation in open)
            {
                if (clock.Elapsed.TotalMinutes > arguments.Minutes) break;
                var result = await trial.RunAsync(mutation, results.GetValueOrDefault(mutation.Id), cancellationToken).ConfigureAwait(false);
                cache.Add(result);
                results[result.Id] = result;
                if (result.IsCaught) caught.Add(result);
                await output.WriteLineAsync($"{result.Seconds,5:0.0} s {ResultTable.Row(mutation, result, explained)}").ConfigureAwait(false);
            }
        }

        worker.Stop();
        foreach (var project in projects) worker.Restore(project.Name);
        await CheckAsync(caught, coverage, worker, cache, results, cancellationToken).ConfigureAwait(false);

        bool IsOpen(Mutation mutation, TrialStage stage) => results.GetValueOrDefault(mutation.Id) is { } known
            ? !known.IsFinal && known.Stage + 1 == stage
            : stage == TrialStage.Tests;
    }

    private static List<(Mutation Mutation, int Number)> Weave(
        IReadOnlyList<Mutation> chosen, IReadOnlyList<SourceProject> projects, WorkerProcess worker, CancellationToken cancellationToken)
    {
        var numbered = chosen.Select((mutation, index) => (Mutation: mutation, Number: index + 1)).ToLookup(mutant => mutant.Mutation.Project);
        return
        [
            .. projects.Where(project => numbered.Contains(project.Name))
                .SelectMany(project => project.EmitSwitched([.. numbered[project.Name]], worker.PathOf(project.Name), cancellationToken)),
        ];
    }

    // Without a mutant, the tests that caught one must pass, in the same process and order.
    private async Task CheckAsync(
        List<TrialResult> caught,
        Coverage coverage,
        WorkerProcess worker,
        ResultCache cache,
        Dictionary<string, TrialResult> results,
        CancellationToken cancellationToken)
    {
        var names = caught.Where(result => !result.IsCaughtBySeed).Select(result => result.CaughtBy!).ToHashSet();
        var tests = coverage.Tests.Select(test => test.Test).Where(test => names.Contains(test.Name)).ToList();
        if (tests.Count == 0) return;
        var failed = new HashSet<string>();
        var job = new WorkerJob(tests, RunsSeeds: false, [], IsControl: true);
        await foreach (var happened in worker.RunAsync(job, _ => TimeSpan.FromMinutes(5), cancellationToken).ConfigureAwait(false))
        {
            if (happened is { Kind: WorkerEventKind.Failed, Test: { } test } && failed.Add(test.Name))
            {
                var reason = $"Not counted, because it also fails without the mutant: {test.Name}: {happened.Text}";
                await output.WriteLineAsync(reason).ConfigureAwait(false);
            }
        }

        var wrong = caught.Where(result => failed.Contains(result.CaughtBy!)).Select(result => result.Id).ToHashSet();
        if (wrong.Count == 0) return;
        cache.Remove(wrong);
        foreach (var id in wrong) results.Remove(id);
    }
}
