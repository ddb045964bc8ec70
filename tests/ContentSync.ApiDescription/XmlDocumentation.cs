using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ContentSync.ApiDescription;

/// <summary>The documentation comments of an assembly, as plain text.</summary>
internal sealed partial class XmlDocumentation
{
    private readonly Dictionary<string, XElement> _members;

    private XmlDocumentation(XDocument document) =>
        _members = document.Descendants("member").ToDictionary(member => member.Attribute("name")!.Value, StringComparer.Ordinal);

    /// <summary>Reads the file that the compiler writes beside the assembly.</summary>
    public static XmlDocumentation Of(Assembly assembly) => new(XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")));

    /// <exception cref="InvalidOperationException">It has none.</exception>
    public string Summary(Type type) =>
        Text(_members.GetValueOrDefault($"T:{type.FullName}")?.Element("summary")) ?? throw Missing(type.Name);

    /// <summary>The summary of a property, or the text of the parameter that a record derives it from.</summary>
    /// <exception cref="InvalidOperationException">It has neither.</exception>
    public string Summary(PropertyInfo property)
    {
        var type = property.DeclaringType!;
        var ofType = _members.GetValueOrDefault($"T:{type.FullName}");
        return Text(_members.GetValueOrDefault($"P:{type.FullName}.{property.Name}")?.Element("summary"))
            ?? Text(ofType?.Elements("param").FirstOrDefault(parameter => parameter.Attribute("name")!.Value == property.Name))
            ?? throw Missing($"{type.Name}.{property.Name}");
    }

    private static string? Text(XElement? element)
    {
        if (element is null) return null;
        var parts = element.Nodes().Select(node => node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" } see => see.Attribute("cref")!.Value.Split('.')[^1],
            XElement nested => nested.Value,
            _ => "",
        });
        return WhiteSpace().Replace(string.Concat(parts), " ").Trim();
    }

    private static InvalidOperationException Missing(string name) =>
        new($"{name} has no documentation comment; the API description takes its text from there.");

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
