using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Mutation;

/// <summary>What became of a mutant.</summary>
/// <param name="Id">The mutant.</param>
/// <param name="SourceDigest">Digest of the file that it changes.</param>
/// <param name="CaughtBy">The first test or seed that caught it; null when none did.</param>
/// <param name="TestClass">Class of that test; null for a seed.</param>
/// <param name="ProofDigest">Digest of what the result rests on: the test class, the simulation, or all tests for a survivor.</param>
/// <param name="Note">Failure, or what was run in vain.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Stage">The last stage that ran.</param>
internal sealed record TrialResult(
    string Id, string SourceDigest, string? CaughtBy, string? TestClass, string ProofDigest, string Note, double Seconds, TrialStage Stage)
{
    [JsonIgnore]
    public bool IsCaught => CaughtBy is not null;

    /// <summary>Whether nothing more is to be run.</summary>
    [JsonIgnore]
    public bool IsFinal => IsCaught || Stage == TrialStage.Alone;

    [JsonIgnore]
    public bool IsCaughtBySeed => IsCaught && TestClass is null;
}

/// <summary>How far a mutant has come. What takes longest comes last.</summary>
internal enum TrialStage
{
    Tests,
    Seeds,

    /// <summary>Both again, in a process that has run nothing else.</summary>
    Alone,
}

/// <summary>Results of earlier runs, one JSON object per line; later ones win.</summary>
internal sealed class ResultCache(Repository repository)
{
    private readonly string _path = Path.Combine(repository.Cache, "results.jsonl");

    /// <summary>Results that still hold, by id.</summary>
    public IReadOnlyDictionary<string, TrialResult> Read(IEnumerable<Mutation> mutations)
    {
        if (!File.Exists(_path)) return new Dictionary<string, TrialResult>();
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        var files = mutations.DistinctBy(mutation => mutation.Id).ToDictionary(mutation => mutation.Id, mutation => mutation.File);
        var results = new Dictionary<string, TrialResult>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(_path))
        {
            var result = JsonSerializer.Deserialize<TrialResult>(line)!;
            if (files.TryGetValue(result.Id, out var file)
                && result.SourceDigest == Digest(file, () => repository.DigestOf(file))
                && result.ProofDigest == Digest(KindOf(result), () => ProofOf(result.IsCaught, result.TestClass)))
            {
                results[result.Id] = result;
            }
        }

        return results;

        string KindOf(TrialResult result) => result.TestClass ?? (result.IsCaught ? "seeds" : "all");

        string Digest(string key, Func<string> compute) => digests.TryGetValue(key, out var digest) ? digest : digests[key] = compute();
    }

    public void Add(TrialResult result) => File.AppendAllText(_path, JsonSerializer.Serialize(result) + "\n");

    /// <summary>Takes back results whose proof failed without the mutant.</summary>
    public void Remove(IReadOnlySet<string> ids)
    {
        var kept = File.ReadLines(_path).Where(line => !ids.Contains(JsonSerializer.Deserialize<TrialResult>(line)!.Id)).ToList();
        File.WriteAllLines(_path, kept);
    }

    public string ProofOf(bool isCaught, string? testClass) =>
        testClass is not null ? repository.DigestOfTestClass(testClass) : isCaught ? repository.SimulationDigest : repository.TestsDigest;
}
