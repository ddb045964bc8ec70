using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra;

/// <summary>
/// The input of the rules: the compiled template and its resources for each parameter file. The compiler itself evaluates the
/// template: nested deployments are flattened; conditions, loops and names are resolved.
/// </summary>
internal sealed class Infrastructure(JsonObject template, JsonObject azd, JsonObject small, JsonObject production)
{
    public JsonObject Template { get; } = template;

    /// <summary>The template that azd deploys, with main.bicep's nested in it.</summary>
    public JsonObject Azd { get; } = azd;

    public Effect Small { get; } = new("small", small);

    public Effect Production { get; } = new("production", production);

    public IEnumerable<Effect> Effects => [Small, Production];

    /// <summary>The resources of one type in both effects.</summary>
    public IEnumerable<Resource> Of(string type) => Effects.SelectMany(effect => effect.Of(type));

    /// <summary>main.bicep's template and those of all nested modules, each with its name.</summary>
    public IEnumerable<(string Name, JsonObject Template)> Templates => Nested("main", Template);

    /// <summary>All declared resources except modules.</summary>
    public IEnumerable<(string Template, JsonObject Resource)> Declared =>
        from one in Templates
        from resource in ResourcesOf(one.Template)
        where (string?)resource["type"] != Module
        select (one.Name, resource);

    private const string Module = "Microsoft.Resources/deployments";

    public Infrastructure Clone() => new(
        Template.DeepClone().AsObject(),
        Azd.DeepClone().AsObject(),
        Small.Document.DeepClone().AsObject(),
        Production.Document.DeepClone().AsObject());

    private static IEnumerable<(string Name, JsonObject Template)> Nested(string name, JsonObject template)
    {
        yield return (name, template);

        foreach (var resource in ResourcesOf(template).Where(resource => (string?)resource["type"] == Module))
        {
            if (resource["properties"]?["template"] is not JsonObject inner) continue;

            foreach (var one in Nested((string?)resource["name"] ?? "?", inner))
            {
                yield return one;
            }
        }
    }

    private static IEnumerable<JsonObject> ResourcesOf(JsonObject template) => template["resources"] switch
    {
        JsonObject bySymbol => bySymbol.Select(one => one.Value!.AsObject()),
        JsonArray list => list.Select(one => one!.AsObject()),
        _ => [],
    };
}

/// <summary>The resources of the template for one parameter file.</summary>
internal sealed class Effect(string name, JsonObject document)
{
    public string Name { get; } = name;

    public JsonObject Document { get; } = document;

    public JsonArray List => Document["predictedResources"]!.AsArray();

    public IEnumerable<Resource> Resources => List.Select(node => new Resource(Name, node!.AsObject()));

    public IEnumerable<Resource> Of(string type) => Resources.Where(resource => resource.Type == type);

    public Resource The(string type) => Of(type).Single();

    public Resource The(string type, string nameEnd) => Of(type).Single(resource => resource.Name.EndsWith(nameEnd, StringComparison.Ordinal));

    /// <summary>The app settings.</summary>
    public JsonObject Settings => Of("Microsoft.Web/sites/config").Single(one => one.Name.EndsWith("/appsettings", StringComparison.Ordinal)).Node["properties"]!.AsObject();

    public string? Setting(string name) => (string?)Settings[name];
}

/// <summary>One resource as a deployment would create it.</summary>
internal sealed class Resource(string effect, JsonObject node)
{
    public JsonObject Node { get; } = node;

    public string Type => (string)Node["type"]!;

    public string Name => (string)Node["name"]!;

    /// <summary>The last part of the name.</summary>
    public string ShortName => Name[(Name.LastIndexOf('/') + 1)..];

    public string Id => (string)Node["id"]!;

    /// <summary>Id of the resource that an extension resource (role assignment, diagnostic setting) applies to.</summary>
    public string Scope => Id[..Id.LastIndexOf("/providers/", StringComparison.Ordinal)];

    /// <summary>A property by its dot-separated path; numbers index arrays. Null if any part is missing.</summary>
    public JsonNode? this[string path]
    {
        get
        {
            JsonNode? at = Node;

            foreach (var part in path.Split('.'))
            {
                at = at switch
                {
                    JsonObject map => map[part],
                    JsonArray list when int.TryParse(part, out var i) && i < list.Count => list[i],
                    _ => null,
                };
            }

            return at;
        }
        set
        {
            var dot = path.LastIndexOf('.');
            var (parent, key) = dot < 0 ? (Node, path) : (this[path[..dot]]!, path[(dot + 1)..]);

            if (parent is JsonArray list)
            {
                list[int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)] = value;
                return;
            }

            parent[key] = value;
        }
    }

    /// <summary>A property as text: a string as is, any other value as JSON.</summary>
    public string? Text(string path) => this[path] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        var other => other.ToJsonString(),
    };

    /// <summary>The items of an array property; empty if it is missing.</summary>
    public IEnumerable<JsonNode> Items(string path) => (this[path] as JsonArray)?.Select(one => one!) ?? [];

    public override string ToString() => $"{effect}: {Type} {Name}";
}
