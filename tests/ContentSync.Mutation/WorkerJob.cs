namespace ContentSync.Mutation;

/// <summary>What a worker process does.</summary>
/// <param name="Tests">Tests to run, grouped by class, in this order. A test without a name stands for all of its class.</param>
/// <param name="RunsSeeds">Whether 500 seeds follow.</param>
/// <param name="Marked">Assemblies that mark executed members, when coverage is recorded.</param>
/// <param name="IsControl">Whether it goes on after a failure, to show every test that fails.</param>
internal sealed record WorkerJob(IReadOnlyList<TestMethod> Tests, bool RunsSeeds, IReadOnlyList<string> Marked, bool IsControl)
{
    /// <summary>Number of the mutant to switch on; 0 for none.</summary>
    public int Mutant { get; init; }

    /// <summary>Assemblies with a switch.</summary>
    public IReadOnlyList<string> Switched { get; init; } = [];

    /// <summary>Whether the process has run nothing before. Only then are the static fields those of this mutant.</summary>
    public bool IsFresh { get; init; }
}

/// <summary>A test method.</summary>
/// <param name="Class">Full name of its class.</param>
/// <param name="Method">Its name.</param>
internal sealed record TestMethod(string Class, string Method)
{
    /// <summary>Its name without the namespace that all tests share.</summary>
    public string Name => $"{Class[(Class.LastIndexOf('.') + 1)..]}.{Method}";
}

/// <summary>A line that a worker writes.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Test">The test, if one.</param>
/// <param name="Text">First line of the failure, or what the simulation found.</param>
/// <param name="Seconds">Duration of a test or of the seeds.</param>
/// <param name="Members">For each marked assembly the numbers of the members that were executed.</param>
internal sealed record WorkerEvent(
    WorkerEventKind Kind, TestMethod? Test = null, string? Text = null, double Seconds = 0, IReadOnlyList<IReadOnlyList<int>>? Members = null);

internal enum WorkerEventKind
{
    Started,
    Finished,
    Failed,
    SeedsStarted,
    SeedsFinished,
    Violation,

    /// <summary>A test fails with and without the mutant: something that ran before left its mark on the process.</summary>
    Spoiled,

    Completed,
}
