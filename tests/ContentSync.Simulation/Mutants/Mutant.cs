namespace ContentSync.Simulation.Mutants;

/// <summary>A bug to plant: a place in a source file and its replacement.</summary>
/// <param name="Name">Describes the bug.</param>
/// <param name="File">Path from the root of the repository.</param>
/// <param name="Place">Text that occurs exactly once in the file. The part in the brackets ⟦ ⟧, an expression or statements, is replaced.</param>
/// <param name="Bug">The replacement.</param>
internal sealed record Mutant(string Name, string File, string Place, string Bug)
{
    /// <summary>The place without its brackets.</summary>
    public string Context => Place.Replace("⟦", "", StringComparison.Ordinal).Replace("⟧", "", StringComparison.Ordinal);

    /// <summary>The part that is replaced.</summary>
    public string Original => Place[(Place.IndexOf('⟦', StringComparison.Ordinal) + 1)..Place.IndexOf('⟧', StringComparison.Ordinal)];

    /// <summary>Whether only resyncs of whole catalogs can show it.</summary>
    public bool IsInCatalogs => File.EndsWith("SweepPending.cs", StringComparison.Ordinal) || File.Contains("/Resync/", StringComparison.Ordinal) || File.Contains("/Catalog/", StringComparison.Ordinal);

    /// <summary>Whether only processes that share the send budget and the circuit breaker can show it, except for a few.</summary>
    public bool IsInSharing =>
        File.Contains("/Budget/", StringComparison.Ordinal) || File.EndsWith("SharedCircuitBreaker.cs", StringComparison.Ordinal)
        || File.EndsWith("SendRateLimiter.cs", StringComparison.Ordinal) || Place.Contains("sendSwitch", StringComparison.Ordinal)
        || Place.Contains("PauseOf", StringComparison.Ordinal);

    /// <summary>Whether only the ledger on Table storage can show it.</summary>
    public bool IsInTable => File.Contains("/TableLedger", StringComparison.Ordinal);

    /// <summary>Whether only the local host can show it.</summary>
    public bool IsInLocalHost =>
        File.Contains("/ContentSync.Sqlite/", StringComparison.Ordinal) || File.Contains("/ContentSync.Local/", StringComparison.Ordinal)
        || File.EndsWith("BatchIntake.cs", StringComparison.Ordinal);

    public bool IsStatement => Original.EndsWith(';');
}
