using System.Diagnostics;

namespace ContentSync.Simulation.Mutants;

/// <summary>
/// Builds library and simulation once more, as one program with all bugs woven in. Only that build knows the switch: the shipped
/// assembly, and the one that seeds are run against, hold nothing of it.
/// </summary>
internal static class MutantBuild
{
    private const string Name = "ContentSync.Mutants";
    private const string Marker = "Directory.Packages.props";

    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <DefineConstants>$(DefineConstants);MUTANTS</DefineConstants>
            <TreatWarningsAsErrors>false</TreatWarningsAsErrors>
            <NoWarn>$(NoWarn);CS0162;CS1591</NoWarn>
            <EnforceCodeStyleInBuild>false</EnforceCodeStyleInBuild>
            <RunAnalyzers>false</RunAnalyzers>
            <GenerateDocumentationFile>false</GenerateDocumentationFile>
            <ConcurrentGarbageCollection>false</ConcurrentGarbageCollection>
            <TieredPGO>false</TieredPGO>
          </PropertyGroup>
          <ItemGroup>
            <FrameworkReference Include="Microsoft.AspNetCore.App" />

        """;

    private const string Switch = """
        namespace ContentSync.Simulation.Mutants;

        internal static class PlantedBug
        {
            // Goes with the work onto whatever thread the planner takes.
            private static readonly System.Threading.AsyncLocal<int> Active = new();

            public static bool Is(int number) => Active.Value == number;

            public static void Plant(int number) => Active.Value = number;
        }
        """;

    /// <summary>The folder that holds the repository.</summary>
    /// <exception cref="InvalidOperationException">The program was moved away from its sources.</exception>
    public static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Marker))) return folder.FullName;
        }

        throw new InvalidOperationException("The sources are not found above the program; run it from the repository.");
    }

    /// <summary>Weaves the bugs into their files, and says which files they are.</summary>
    public static IReadOnlyDictionary<string, string> Weave(string repository) => MutantList.All
        .Select((mutant, index) => (Number: index + 1, Mutant: mutant))
        .GroupBy(planted => planted.Mutant.File)
        .ToDictionary(file => file.Key, file => MutantWeaver.Weave(File.ReadAllText(Path.Combine(repository, file.Key)), file), StringComparer.Ordinal);

    /// <summary>Builds the program and runs it with these arguments; its output is ours.</summary>
    public static int Run(IEnumerable<string> arguments)
    {
        var repository = FindRepository();
        var folder = Path.Combine(repository, "tests", "ContentSync.Simulation", "obj", "mutants");
        Write(repository, folder);
        var built = Start(folder, ["build", "-c", "Release", "-v", "quiet", "-nologo", "-clp:ErrorsOnly"], isQuiet: true);
        return built != 0 ? built : Start(folder, [Path.Combine(folder, "bin", "Release", "net10.0", $"{Name}.dll"), .. arguments], isQuiet: false);
    }

    private static void Write(string repository, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var old in Directory.EnumerateFiles(folder, "*.cs")) File.Delete(old);
        var woven = Weave(repository);
        var number = 0;
        foreach (var file in Sources(repository))
        {
            var path = Path.GetRelativePath(repository, file).Replace('\\', '/');
            File.WriteAllText(Path.Combine(folder, $"{++number:000}-{Path.GetFileName(file)}"), woven.TryGetValue(path, out var text) ? text : File.ReadAllText(file));
        }

        File.WriteAllText(Path.Combine(folder, "000-PlantedBug.cs"), Switch);
        var packages = File.ReadLines(Path.Combine(repository, "src", "ContentSync", "ContentSync.csproj")).Where(line => line.Contains("<PackageReference", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(folder, $"{Name}.csproj"), $"{Project}{string.Join('\n', packages)}\n  </ItemGroup>\n</Project>\n");
    }

    private static IEnumerable<string> Sources(string repository) => new[] { Path.Combine("src", "ContentSync"), Path.Combine("tests", "ContentSync.Simulation") }
        .SelectMany(project => Directory.EnumerateFiles(Path.Combine(repository, project), "*.cs", SearchOption.AllDirectories))
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
        .Order(StringComparer.Ordinal);

    private static int Start(string folder, IEnumerable<string> arguments, bool isQuiet)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = isQuiet })!;
        var said = isQuiet ? process.StandardOutput.ReadToEnd() : "";
        process.WaitForExit();
        if (process.ExitCode != 0 && said.Length > 0) Console.Error.WriteLine(said);
        return process.ExitCode;
    }
}
