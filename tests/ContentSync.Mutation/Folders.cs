namespace ContentSync.Mutation;

/// <summary>The folders of src that are mutated, each with its share of the sample.</summary>
internal static class Folders
{
    /// <summary>
    /// Shares are relative. Folders that decide whether an item is lost have most; pages, reports and the simulated AlipayHK have none.
    /// </summary>
    private static readonly Dictionary<string, int> Shares = new(StringComparer.Ordinal)
    {
        ["src/ContentSync/Ledger"] = 34,
        ["src/ContentSync/Resync"] = 34,
        ["src/ContentSync/Synchronization"] = 28,
        ["src/ContentSync/AlipayHk"] = 24,
        ["src/ContentSync.Sqlite"] = 22,
        ["src/ContentSync/Budget"] = 18,
        ["src/ContentSync/Content"] = 18,
        ["src/ContentSync.Local/Pipeline"] = 18,
        ["src/ContentSync.Functions"] = 16,
        ["src/ContentSync/Catalog"] = 14,
        ["src/ContentSync/Http"] = 12,
        ["src/ContentSync/Mapping"] = 8,
        ["src/ContentSync/Signing"] = 8,
    };

    /// <summary>Files of those folders that hold text for people, telemetry or the start of a program.</summary>
    private static readonly HashSet<string> Texts = new(StringComparer.Ordinal)
    {
        "Program.cs", "CodeAdvice.cs", "ResyncTelemetry.cs", "RequestTelemetryHandler.cs", "StartFailure.cs", "RenamedSettings.cs", "Excerpt.cs",
        "MappingTrace.cs", "Linter.cs",
    };

    public static IReadOnlyDictionary<string, int> All => Shares;

    public static string Of(string file) => Shares.Keys.FirstOrDefault(folder => file.StartsWith(folder + "/", StringComparison.Ordinal)) ?? "";

    public static bool IsMutated(string file) =>
        Of(file).Length > 0 && !Texts.Contains(Path.GetFileName(file)) && !file.Contains("/Description/", StringComparison.Ordinal);
}
