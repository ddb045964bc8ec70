namespace ContentSync.Simulation.Mutants;

/// <summary>A bug to be planted: a place in a source file, and what it is made into.</summary>
/// <param name="Name">What is wrong with it.</param>
/// <param name="File">From the repository's root.</param>
/// <param name="Place">Text that occurs once in the file; what is between the brackets ⟦ and ⟧ is replaced, an expression or whole statements.</param>
/// <param name="Bug">What it is replaced with.</param>
internal sealed record Mutant(string Name, string File, string Place, string Bug)
{
    /// <summary>The place without its brackets.</summary>
    public string Context => Place.Replace("⟦", "", StringComparison.Ordinal).Replace("⟧", "", StringComparison.Ordinal);

    /// <summary>What is replaced.</summary>
    public string Original => Place[(Place.IndexOf('⟦', StringComparison.Ordinal) + 1)..Place.IndexOf('⟧', StringComparison.Ordinal)];

    public bool IsStatement => Original.EndsWith(';');
}
