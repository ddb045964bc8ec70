using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests;

/// <summary>An alert or a query finds a log message by its event id alone, whichever host wrote it.</summary>
public sealed class EventIdTests
{
    // Event ids of an assembly begin with its digit. Assemblies that log nothing are not listed.
    private static readonly Dictionary<string, int> Thousands = new()
    {
        ["ContentSync"] = 2,
        ["ContentSync.Functions"] = 3,
        ["ContentSync.Local"] = 4,
        ["ContentSync.Simulator"] = 9,
    };

    [Fact]
    public void No_two_log_messages_have_the_same_event_id()
    {
        var messages = Messages().ToArray();
        Assert.Equal(Thousands.Keys.Order(), messages.Select(message => message.Assembly).Distinct().Order());
        Assert.Empty(
            from message in messages
            group message.Name by message.EventId into same
            where same.Count() > 1
            select $"{same.Key}: {string.Join(", ", same)}");
    }

    [Fact]
    public void The_event_ids_of_an_assembly_are_in_its_own_range() =>
        Assert.All(Messages(), message => Assert.Equal(Thousands[message.Assembly], message.EventId / 1000));

    private static IEnumerable<(string Assembly, string Name, int EventId)> Messages() =>
        from folder in Directory.EnumerateDirectories(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "src")))
        let project = Path.GetFileName(folder)
        from type in Assembly.Load(AssemblyName(project, folder)).GetTypes()
        from method in type.GetMethods(
            BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        let attribute = method.GetCustomAttribute<LoggerMessageAttribute>()
        where attribute is not null
        select (project, $"{type.Name}.{method.Name}", attribute.EventId);

    private static string AssemblyName(string project, string folder) =>
        XDocument.Load(Path.Combine(folder, project + ".csproj")).Descendants("AssemblyName").SingleOrDefault()?.Value ?? project;

    private static string Here([CallerFilePath] string path = "") => path;
}
