using System.Text.Json;

namespace ContentSync.Mutation;

/// <summary>Which members each test of the fast loop executes, and which the simulation does.</summary>
/// <param name="Sources">Digest of src that it was recorded from.</param>
/// <param name="Simulation">Digest of the simulation.</param>
/// <param name="Classes">Digest of the file of each test class. A change of what tests share is not seen: then delete the cache.</param>
/// <param name="Tests">One entry per test method.</param>
/// <param name="Seeds">What 500 seeds execute.</param>
internal sealed record Coverage(
    string Sources, string Simulation, IReadOnlyDictionary<string, string> Classes, IReadOnlyList<CoveredTest> Tests, CoveredTest Seeds)
{
    /// <summary>Tests that execute a member, those of the class named like the file first, then the fastest classes.</summary>
    public IReadOnlyList<CoveredTest> TestsOf(IReadOnlyList<int> members, string assembly, string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        return
        [
            .. Tests.Where(test => test.Executes(assembly, members))
                .GroupBy(test => test.Test.Class)
                .OrderByDescending(type => type.Key.Contains(name, StringComparison.Ordinal))
                .ThenBy(type => type.Sum(test => test.Seconds))
                .SelectMany(type => type),
        ];
    }

    /// <summary>
    /// Reads what was recorded, and records the rest: test classes whose file changed, and 500 seeds if the simulation changed; everything if
    /// src did. The members mark themselves.
    /// </summary>
    public static async Task<Coverage> RecordAsync(
        Repository repository, IReadOnlyList<SourceProject> projects, WorkerProcess worker, TextWriter output, CancellationToken cancellationToken)
    {
        var path = Path.Combine(repository.Cache, "coverage.json");
        var (sources, simulation) = (repository.SourcesDigest(), repository.SimulationDigest);
        var classes = Worker.TestClasses().ToDictionary(name => name, repository.DigestOfTestClass);
        var known = await ReadAsync(path, sources, cancellationToken).ConfigureAwait(false);
        var kept = known?.Tests.Where(test => known.Classes[test.Test.Class] == classes.GetValueOrDefault(test.Test.Class)).ToList() ?? [];
        var open = classes.Where(type => known?.Classes.GetValueOrDefault(type.Key) != type.Value).Select(type => type.Key).ToList();
        var seeds = known?.Simulation == simulation ? known.Seeds : null;
        if (known is not null && open.Count == 0 && seeds is not null) return known;

        await output.WriteLineAsync($"Recording what the tests of {open.Count} classes execute...").ConfigureAwait(false);
        foreach (var project in projects) project.EmitInstrumented(worker.PathOf(project.Name), cancellationToken);
        try
        {
            var recorder = new CoverageRecorder([.. projects.Select(project => project.Name)], worker, output);
            await recorder.RecordAsync(open, runsSeeds: seeds is null, cancellationToken).ConfigureAwait(false);
            var coverage = new Coverage(sources, simulation, classes, [.. kept, .. recorder.Tests], seeds ?? recorder.Seeds!);
            await File.WriteAllTextAsync(path, JsonSerializer.Serialize(coverage), cancellationToken).ConfigureAwait(false);
            return coverage;
        }
        finally
        {
            foreach (var project in projects) worker.Restore(project.Name);
        }
    }

    private static async Task<Coverage?> ReadAsync(string path, string sources, CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) return null;
        var text = await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false);
        return JsonSerializer.Deserialize<Coverage>(text) is { } known && known.Sources == sources ? known : null;
    }
}

/// <summary>Runs tests, and perhaps seeds, with members that mark themselves.</summary>
internal sealed class CoverageRecorder(IReadOnlyList<string> assemblies, WorkerProcess worker, TextWriter output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly Dictionary<TestMethod, CoveredTest> _tests = [];
    private readonly HashSet<TestMethod> _failed = [];

    /// <summary>The tests that pass.</summary>
    public IEnumerable<CoveredTest> Tests => _tests.Values.Where(test => !_failed.Contains(test.Test));

    /// <summary>What the seeds execute; null if they did not run.</summary>
    public CoveredTest? Seeds { get; private set; }

    /// <exception cref="MutationException">The run without a mutant did not end well.</exception>
    public async Task RecordAsync(IReadOnlyList<string> classes, bool runsSeeds, CancellationToken cancellationToken)
    {
        var nothing = assemblies.ToDictionary(name => name, _ => Array.Empty<int>());
        var job = new WorkerJob([.. classes.Select(name => new TestMethod(name, ""))], runsSeeds, assemblies, IsControl: true);
        WorkerEvent? last = null;
        string? violation = null;
        await foreach (var happened in worker.RunAsync(job, _ => Limit, cancellationToken).ConfigureAwait(false))
        {
            last = happened;
            switch (happened.Kind)
            {
                case WorkerEventKind.Finished:
                    var known = _tests.GetValueOrDefault(happened.Test!) ?? new(happened.Test!, 0, nothing);
                    _tests[happened.Test!] = known.With(happened.Seconds, assemblies, happened.Members!);
                    break;
                case WorkerEventKind.Failed when _failed.Add(happened.Test!):
                    var reason = $"Left out, because it fails without a mutant: {happened.Test!.Name}: {happened.Text}";
                    await output.WriteLineAsync(reason).ConfigureAwait(false);
                    break;
                case WorkerEventKind.Violation:
                    violation = happened.Text;
                    break;
                case WorkerEventKind.SeedsFinished:
                    Seeds = new CoveredTest(new("seeds", ""), 0, nothing).With(happened.Seconds, assemblies, happened.Members!);
                    break;
            }
        }

        if (last?.Text is null && (Seeds is not null || !runsSeeds)) return;
        var why = violation ?? $"{last?.Test?.Name}: {last?.Text}";
        throw new MutationException($"The run without a mutant did not end well. Run the tests and the simulation first. {why}");
    }
}

/// <summary>What one test executes.</summary>
/// <param name="Test">The test.</param>
/// <param name="Seconds">How long it takes with all its cases.</param>
/// <param name="Members">Numbers of the members by assembly.</param>
internal sealed record CoveredTest(TestMethod Test, double Seconds, IReadOnlyDictionary<string, int[]> Members)
{
    public bool Executes(string assembly, IReadOnlyList<int> members) =>
        Members.TryGetValue(assembly, out var executed) && members.Any(member => Array.BinarySearch(executed, member) >= 0);

    /// <summary>With another case of the same test.</summary>
    public CoveredTest With(double seconds, IReadOnlyList<string> assemblies, IReadOnlyList<IReadOnlyList<int>> members) => this with
    {
        Seconds = Seconds + seconds,
        Members = assemblies.Zip(members).ToDictionary(pair => pair.First, pair => Members[pair.First].Union(pair.Second).Order().ToArray()),
    };
}
