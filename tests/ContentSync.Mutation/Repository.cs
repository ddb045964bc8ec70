using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace ContentSync.Mutation;

/// <summary>Folders of the repository and digests of its sources.</summary>
/// <param name="Root">Absolute path.</param>
internal sealed partial record Repository(string Root)
{
    private const string Marker = "Directory.Packages.props";

    private readonly ILookup<string, string> _testFiles = Sources(Path.Combine(Root, "tests", "ContentSync.Tests"))
        .SelectMany(path => Classes().Matches(File.ReadAllText(path)).Select(match => (Name: match.Groups[1].Value, Path: path)))
        .Distinct()
        .ToLookup(type => type.Name, type => type.Path, StringComparer.Ordinal);

    /// <summary>Coverage, results and the workers' program. Git ignores it.</summary>
    public string Cache => Path.Combine(Root, "artifacts", "mutation");

    /// <summary>Digest of all tests and of the simulation.</summary>
    public string TestsDigest { get; } = Digest(TestSources(Root));

    /// <summary>Digest of the simulation.</summary>
    public string SimulationDigest { get; } = Digest(Sources(Path.Combine(Root, "tests", "ContentSync.Simulation")));

    /// <exception cref="MutationException">The program is not in the repository.</exception>
    public static Repository Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Marker))) return new(folder.FullName);
        }

        throw new MutationException("The program is not in a folder of the repository. Run it from there, because it needs the sources.");
    }

    /// <summary>Digest of these files, in the order of their paths.</summary>
    public static string Digest(IEnumerable<string> files)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files.Order(StringComparer.Ordinal)) digest.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        return Text(digest.GetHashAndReset());
    }

    public static string DigestOfText(string text) => Text(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The C# files below a folder, without build output.</summary>
    public static IEnumerable<string> Sources(string folder) => Directory
        .EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(path => !Path.GetRelativePath(folder, path).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    /// <summary>Digest of all of src.</summary>
    public string SourcesDigest() => Digest(Sources(Path.Combine(Root, "src")));

    /// <summary>Digest of the project files and of the versions of packages.</summary>
    public string BuildDigest() => Digest(
    [
        .. Directory.EnumerateFiles(Root, "Directory.*.props"),
        .. Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories),
        .. Directory.EnumerateFiles(Path.Combine(Root, "tests"), "*.csproj", SearchOption.AllDirectories),
    ]);

    public string DigestOf(string file) => Digest([Path.Combine(Root, file)]);

    /// <summary>Digest of the file that declares a test class; of all tests if several declare one of that name.</summary>
    public string DigestOfTestClass(string name)
    {
        var found = _testFiles[name[(name.LastIndexOf('.') + 1)..]];
        return found.Count() == 1 ? Digest(found) : TestsDigest;
    }

    private static IEnumerable<string> TestSources(string root) =>
        Sources(Path.Combine(root, "tests")).Where(path => !path.Contains("ContentSync.Mutation", StringComparison.Ordinal));

    [GeneratedRegex(@"\bclass (\w+)")]
    private static partial Regex Classes();

    private static string Text(byte[] digest) => Convert.ToHexStringLower(digest)[..16];
}
