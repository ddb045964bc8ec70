using System.Globalization;
using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>Building blocks of rules. A rule over a type without resources counts as violated, since it would check nothing.</summary>
internal static class Demand
{
    /// <summary>Every resource of the type has this value at the path.</summary>
    public static IEnumerable<string> Each(Infrastructure infrastructure, string type, string path, object expected) =>
        Each(infrastructure, type, path, text => text == Text(expected), Text(expected));

    /// <summary>Every resource of the type passes the test at the path.</summary>
    public static IEnumerable<string> Each(Infrastructure infrastructure, string type, string path, Func<string?, bool> test, string wanted) =>
        Each(infrastructure.Of(type), type, path, test, wanted);

    public static IEnumerable<string> Each(IEnumerable<Resource> resources, string kind, string path, Func<string?, bool> test, string wanted)
    {
        var found = resources.ToArray();
        return found.Length == 0
            ? [$"There is no {kind}."]
            : found.Where(resource => !test(resource.Text(path))).Select(resource => $"{resource}: {path} is {resource.Text(path) ?? "missing"}, not {wanted}.");
    }

    /// <summary>Both sizes have an app setting that passes the test.</summary>
    public static IEnumerable<string> Setting(Infrastructure infrastructure, string name, Func<string?, bool> test) =>
        from effect in infrastructure.Effects
        where !test(effect.Setting(name))
        select $"{effect.Name}: setting {name} is {effect.Setting(name) ?? "missing"}.";

    /// <summary>Sets one property of the first resource of a type, in the small or the production size.</summary>
    public static Action<Infrastructure> Set(string type, string path, JsonNode? value, bool production = false) => infrastructure =>
    {
        var resource = (production ? infrastructure.Production : infrastructure.Small).Of(type).First();
        resource[path] = value?.DeepClone();
    };

    /// <summary>Removes the first resource of a type.</summary>
    public static Action<Infrastructure> Remove(string type, bool production = false) => infrastructure =>
    {
        var effect = production ? infrastructure.Production : infrastructure.Small;
        effect.List.Remove(effect.Of(type).First().Node);
    };

    /// <summary>Sets one app setting of the production size; null removes it.</summary>
    public static Action<Infrastructure> SetSetting(string name, string? value) => infrastructure =>
    {
        if (value is null) infrastructure.Production.Settings.Remove(name);
        else infrastructure.Production.Settings[name] = value;
    };

    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
