namespace ContentSync.Local.CommandLine;

/// <summary>The bundled sample catalog. It contains every kind of mistake, including lines without a readable contentId.</summary>
internal static class SampleCatalog
{
    public static string File { get; } = Path.Combine(AppContext.BaseDirectory, "Samples", "catalog.ndjson");
}
