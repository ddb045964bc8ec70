namespace ContentSync.Mutation;

/// <summary>The mutants of Survivors.md: no test can catch them, for the reason given there.</summary>
internal static class Survivors
{
    /// <summary>Reasons by id, from the rows of the tables: <c>| id | place | reason |</c>.</summary>
    public static IReadOnlyDictionary<string, string> Read(Repository repository) => File
        .ReadLines(Path.Combine(repository.Root, "tests", "ContentSync.Mutation", "Survivors.md"))
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
        .Where(cells => cells.Length == 5 && cells[1].Length == 10 && cells[1][0] == '`')
        .ToDictionary(cells => cells[1].Trim('`'), cells => cells[3], StringComparer.Ordinal);
}
