using System.Reflection;

namespace ContentSync.Tests.Functions;

/// <summary>The output folder of the built app, as the worker SDK produces it.</summary>
internal static class FunctionsApp
{
    public static string Folder { get; } = Metadata("FunctionsApp");

    /// <summary>Reads a file from the repository.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Metadata("RepositoryRoot"), path));

    private static string Metadata(string name) =>
        typeof(FunctionsApp).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == name).Value!;
}
