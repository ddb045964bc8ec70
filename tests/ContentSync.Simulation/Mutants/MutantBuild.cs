using System.Diagnostics;
using ContentSync.Functions;
using ContentSync.Local.Pipeline;

namespace ContentSync.Simulation.Mutants;

/// <summary>
/// Builds library and simulation again, as one program with all bugs woven in. Only this build contains the switch, not the shipped assembly
/// or the one that seeds run against.
/// </summary>
internal static class MutantBuild
{
    private const string Name = "ContentSync.Mutants";

    // Of the hosts, only what simulations run.
    private static readonly string[] Projects =
        ["src/ContentSync", "src/ContentSync.Simulator", "src/ContentSync.Sqlite", "tests/ContentSync.SimulatedStorage", "tests/ContentSync.Simulation"];

    private static readonly string[] Files =
    [
        "src/ContentSync.Local/CommandException.cs",
        .. new[]
        {
            nameof(DataDirectory), nameof(FaultText), nameof(FileResyncStore), nameof(FolderSync), nameof(InProcessQueue), nameof(LocalOptions), nameof(LocalResync),
            nameof(LocalServices), nameof(LocalSettings), nameof(LocalWork), nameof(PrivateFile), nameof(PrivateFolder),
        }.Select(type => $"src/ContentSync.Local/Pipeline/{type}.cs"),
        .. new[]
        {
            nameof(ApiFunctions), "HostOptions", nameof(InvocationTracker), nameof(MaintainLedger), nameof(MessageSettler),
            nameof(ProcessContentMessage), nameof(ProcessResyncPack), nameof(ScheduleResync), "ServiceBusFault", nameof(ServiceBusQueues),
            nameof(SweepPending),
        }.Select(type => $"src/ContentSync.Functions/{type}.cs"),
    ];

    // The double of the functions' extension for Service Bus, which brings its own packages.
    private const string Double = "tests/Doubles/WorkerServiceBus/Microsoft.Azure.Functions.Worker.Extensions.ServiceBus.csproj";

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
            // Flows with the work to the planner's threads.
            private static readonly System.Threading.AsyncLocal<int> Active = new();

            public static bool Is(int number) => Active.Value == number;

            public static void Plant(int number) => Active.Value = number;
        }
        """;

    /// <summary>Finds the root folder of the repository.</summary>
    /// <exception cref="InvalidOperationException">The program is not in the repository.</exception>
    public static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Marker))) return folder.FullName;
        }

        throw new InvalidOperationException("The program is not in a folder of the repository. Run it from there, because it needs the sources.");
    }

    /// <summary>Weaves the bugs into their files.</summary>
    /// <returns>The woven text by path of the file.</returns>
    public static IReadOnlyDictionary<string, string> Weave(string repository) => MutantList.All
        .Select((mutant, index) => (Number: index + 1, Mutant: mutant))
        .GroupBy(planted => planted.Mutant.File)
        .ToDictionary(
            file => file.Key,
            file => MutantWeaver.Weave(File.ReadAllText(Path.Combine(repository, file.Key)), file),
            StringComparer.Ordinal);

    /// <summary>Builds the program and runs it with these arguments. It inherits our output.</summary>
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
            var text = woven.GetValueOrDefault(path) ?? File.ReadAllText(file);
            File.WriteAllText(Path.Combine(folder, $"{++number:000}-{Path.GetFileName(file)}"), text);
        }

        File.WriteAllText(Path.Combine(folder, "000-PlantedBug.cs"), Switch);
        var packages = new[] { "ContentSync", "ContentSync.Sqlite" }
            .SelectMany(project => File.ReadLines(Path.Combine(repository, "src", project, $"{project}.csproj")))
            .Where(line => line.Contains("<PackageReference", StringComparison.Ordinal));
        packages = packages
            .Append("    <PackageReference Include=\"Azure.Identity\" />")
            .Append("    <PackageReference Include=\"Microsoft.Azure.Functions.Worker.Extensions.Timer\" />")
            .Append($"    <ProjectReference Include=\"{Path.Combine(repository, Double)}\" />");
        File.WriteAllText(Path.Combine(folder, $"{Name}.csproj"), $"{Project}{string.Join('\n', packages)}\n  </ItemGroup>\n</Project>\n");
    }

    private static IEnumerable<string> Sources(string repository) => Projects
        .SelectMany(project => Directory.EnumerateFiles(Path.Combine(repository, project), "*.cs", SearchOption.AllDirectories))
        .Concat(Files.Select(file => Path.Combine(repository, file)))
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
        .Order(StringComparer.Ordinal);

    private static int Start(string folder, IEnumerable<string> arguments, bool isQuiet)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = isQuiet };
        using var process = Process.Start(start)!;
        var output = isQuiet ? process.StandardOutput.ReadToEnd() : "";
        process.WaitForExit();
        if (process.ExitCode != 0 && output.Length > 0) Console.Error.WriteLine(output);
        return process.ExitCode;
    }
}
