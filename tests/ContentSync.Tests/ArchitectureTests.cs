using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ContentSync.Tests;

/// <summary>Dependencies inside the library run one way, floor by floor.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, int> Floors = new()
    {
        ["Http"] = 9,
        ["Notifications"] = 8,
        ["Resync"] = 7,
        ["Synchronization"] = 6,
        ["Mapping"] = 5,
        ["AlipayHk"] = 4,
        ["Budget"] = 3,
        ["Ledger"] = 2,
        ["Catalog"] = 2,
        ["Signing"] = 1,
        ["Content"] = 1,
        ["Diagnostics"] = 0,
    };

    [Fact]
    public void No_folder_uses_one_above_it_or_beside_it()
    {
        var wrong =
            from file in Sources()
            from used in Used(file.Text)
            where used != file.Folder && Floors[used] >= Floors[file.Folder]
            select $"{file.Folder}/{file.Name} uses {used}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_folder_has_its_floor() => Assert.Empty(Sources().Select(file => file.Folder).Distinct().Except(Floors.Keys));

    [Fact]
    public void The_simulator_references_nothing_of_ours() =>
        Assert.DoesNotContain(
            typeof(ContentSync.Simulator.SimulatedGateway).Assembly.GetReferencedAssemblies(),
            assembly => assembly.Name!.StartsWith("ContentSync", StringComparison.OrdinalIgnoreCase));

    [Fact]
    public void The_library_knows_no_trigger_no_queue_client_and_no_vault_client() =>
        Assert.DoesNotContain(Sources(), file => Clients().IsMatch(file.Text));

    private static IEnumerable<(string Folder, string Name, string Text)> Sources()
    {
        var library = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "src", "ContentSync"));
        return from path in Directory.EnumerateFiles(library, "*.cs", SearchOption.AllDirectories)
               let parts = Path.GetRelativePath(library, path).Split(Path.DirectorySeparatorChar)
               where parts.Length > 1 && parts[0] is not ("bin" or "obj")
               select (parts[0], parts[^1], File.ReadAllText(path));
    }

    private static IEnumerable<string> Used(string text) => Namespaces().Matches(text).Select(match => match.Groups[1].Value).Distinct();

    private static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"^using (?:static )?ContentSync\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Namespaces();

    [GeneratedRegex(@"Azure\.Messaging|Azure\.Security\.KeyVault|Microsoft\.Azure\.Functions")]
    private static partial Regex Clients();
}
