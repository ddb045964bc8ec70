using System.Diagnostics;

namespace ContentSync.Mutation;

/// <summary>
/// Runs one mutant: the tests that execute its member, then 500 seeds if they do. A process that has run other mutants does it first; what
/// survives there runs again in a process of its own, because static fields keep what the first user computed.
/// </summary>
internal sealed class Trial(
    Repository repository,
    IReadOnlyList<SourceProject> projects,
    Coverage coverage,
    WorkerProcess worker,
    ResultCache cache,
    IReadOnlyList<(Mutation Mutation, int Number)> switched)
{
    // A machine with other work is slow now and then; a test that takes this much longer than without the mutant hangs.
    private static readonly TimeSpan MinLimit = TimeSpan.FromSeconds(60);
    private const int LimitFactor = 20;

    private readonly Dictionary<TestMethod, double> _durations = coverage.Tests.ToDictionary(test => test.Test, test => test.Seconds);
    private readonly Dictionary<string, int> _numbers = switched.ToDictionary(mutant => mutant.Mutation.Id, mutant => mutant.Number);
    private readonly IReadOnlyList<string> _switched = [.. switched.Select(mutant => mutant.Mutation.Project).Distinct()];

    /// <summary>Whether the assembly of all mutants holds this one.</summary>
    public bool IsSwitched(Mutation mutation) => _numbers.ContainsKey(mutation.Id);

    /// <summary>Runs the next stage of a mutant.</summary>
    /// <param name="mutation">The mutant.</param>
    /// <param name="known">What it survived so far; null if nothing ran yet.</param>
    /// <param name="cancellationToken">Ends the worker.</param>
    public async Task<TrialResult> RunAsync(Mutation mutation, TrialResult? known, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var stage = known is null ? TrialStage.Tests : known.Stage + 1;
        var tests = TestsOf(mutation);
        var hasSeeds = MembersOf(mutation).Any(found => coverage.Seeds.Executes(found.Assembly, [found.Member]));
        var job = new WorkerJob(
            stage is TrialStage.Seeds ? [] : [.. tests.Select(test => test.Test)], hasSeeds && stage is not TrialStage.Tests, [], IsControl: false);
        var isIdle = job.Tests.Count == 0 && !job.RunsSeeds;
        var caught = isIdle ? null : await RunAsync(mutation, job, stage is TrialStage.Alone, clock, cancellationToken).ConfigureAwait(false);
        var seeds = hasSeeds && stage is not TrialStage.Tests ? " and 500 seeds" : "";
        var note = tests.Count == 0 && !hasSeeds ? "nothing of the fast loop executes it" : $"{tests.Count} tests{seeds}";
        var result = caught ?? Result(mutation, null, null, note, clock) with { Stage = stage };
        return result with { Seconds = Math.Round((known?.Seconds ?? 0) + clock.Elapsed.TotalSeconds, 1) };
    }

    private async Task<TrialResult?> RunAsync(
        Mutation mutation, WorkerJob job, bool isFresh, Stopwatch clock, CancellationToken cancellationToken)
    {
        if (_numbers.TryGetValue(mutation.Id, out var number))
        {
            var numbered = job with { Mutant = number, Switched = _switched, IsFresh = isFresh };
            var (result, isSpoiled) = await RunAsync(mutation, numbered, clock, cancellationToken).ConfigureAwait(false);
            if (!isSpoiled) return result;
            return (await RunAsync(mutation, numbered with { IsFresh = true }, clock, cancellationToken).ConfigureAwait(false)).Result;
        }

        worker.Stop();
        var path = worker.PathOf(mutation.Project);
        var all = await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
        var assembly = ProjectOf(mutation).Emit(mutation, cancellationToken)
            ?? throw new MutationException($"The mutant {mutation.Id} of {mutation.File}:{mutation.Line} does not compile: {mutation.Change}");
        await File.WriteAllBytesAsync(path, assembly, cancellationToken).ConfigureAwait(false);
        try
        {
            return (await RunAsync(mutation, job with { IsFresh = true }, clock, cancellationToken).ConfigureAwait(false)).Result;
        }
        finally
        {
            worker.Stop();
            await File.WriteAllBytesAsync(path, all, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<(TrialResult? Result, bool IsSpoiled)> RunAsync(
        Mutation mutation, WorkerJob job, Stopwatch clock, CancellationToken cancellationToken)
    {
        await foreach (var happened in worker.RunAsync(job, LimitOf, cancellationToken).ConfigureAwait(false))
        {
            switch (happened)
            {
                case { Kind: WorkerEventKind.Spoiled }:
                    return (null, true);
                case { Kind: WorkerEventKind.Failed, Test: { } test }:
                    return (Result(mutation, test.Name, test.Class, happened.Text!, clock), false);
                case { Kind: WorkerEventKind.Violation }:
                    return (Result(mutation, happened.Text!, null, "", clock), false);
                case { Kind: WorkerEventKind.Completed, Text: { } cut }:
                    return (Result(mutation, happened.Test?.Name ?? "seeds", happened.Test?.Class, cut, clock), false);
            }
        }

        return (null, false);
    }

    private TimeSpan LimitOf(WorkerEvent? last)
    {
        var usual = last?.Kind == WorkerEventKind.SeedsStarted ? coverage.Seeds.Seconds / 4
            : last?.Test is { } test ? _durations.GetValueOrDefault(test)
            : 0;
        var limit = TimeSpan.FromSeconds(usual * LimitFactor);
        return limit > MinLimit ? limit : MinLimit;
    }

    private IReadOnlyList<CoveredTest> TestsOf(Mutation mutation) =>
    [
        .. MembersOf(mutation).GroupBy(found => found.Assembly)
            .SelectMany(assembly => coverage.TestsOf([.. assembly.Select(found => found.Member)], assembly.Key, mutation.File))
            .DistinctBy(test => test.Test),
    ];

    // The initializer of a field runs once per process; what executes it are the members that use the field.
    private IEnumerable<(string Assembly, int Member)> MembersOf(Mutation mutation)
    {
        if (mutation.Member is { } member) return [(mutation.Project, ProjectOf(mutation).NumberOf(mutation.File, member))];
        return projects.SelectMany(user => user.MembersThatUse(mutation.Field!, mutation.File).Select(number => (user.Name, number)));
    }

    private SourceProject ProjectOf(Mutation mutation) => projects.Single(candidate => candidate.Name == mutation.Project);

    private TrialResult Result(Mutation mutation, string? caughtBy, string? testClass, string note, Stopwatch clock) => new(
        mutation.Id,
        repository.DigestOf(mutation.File),
        caughtBy,
        testClass,
        cache.ProofOf(caughtBy is not null, testClass),
        note,
        clock.Elapsed.TotalSeconds,
        TrialStage.Alone);
}
