using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>The template is readable, reviewable and deployable anywhere.</summary>
internal static partial class TemplateRules
{
    /// <summary>Date of the last review of API versions, updated with each review, so that the rule never fails just because time passes.</summary>
    private static readonly DateOnly s_reviewed = new(2026, 11, 1);

    /// <summary>Types whose newest stable version (newest of any kind for diagnostic settings) is older than three years.</summary>
    private static readonly string[] s_noNewerVersion =
    [
        "Microsoft.Insights/components@2020-02-02",
        "Microsoft.Insights/diagnosticSettings@2021-05-01-preview",
        "Microsoft.Insights/actionGroups@2023-01-01",
        "Microsoft.Insights/workbooks@2023-06-01",
        "Microsoft.Authorization/roleAssignments@2022-04-01",
        "Microsoft.Authorization/roleDefinitions@2022-04-01",
        "Microsoft.Authorization/locks@2020-05-01",
    ];

    /// <summary>Types that do not support tags.</summary>
    private static readonly Regex s_untagged =
        new("diagnosticSettings$|locks$|roleAssignments$|roleDefinitions$|^Microsoft.(Storage|ServiceBus|OperationalInsights|Web|EventGrid)/[^/]+/|privateDnsZoneGroups$", RegexOptions.CultureInvariant);

    /// <summary>The naming rules of each type: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules</summary>
    private static readonly Dictionary<string, Regex> s_names = new()
    {
        ["Microsoft.Storage/storageAccounts"] = new("^[a-z0-9]{3,24}$"),
        ["Microsoft.Storage/storageAccounts/blobServices/containers"] = new("^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"),
        ["Microsoft.Storage/storageAccounts/tableServices/tables"] = new("^[A-Za-z][A-Za-z0-9]{2,62}$"),
        ["Microsoft.KeyVault/vaults"] = new("^(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$"),
        ["Microsoft.KeyVault/vaults/keys"] = new("^[A-Za-z0-9-]{1,127}$"),
        ["Microsoft.ServiceBus/namespaces"] = new("^(?!.*(-sb|-mgmt)$)[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]$"),
        ["Microsoft.ServiceBus/namespaces/queues"] = new("^[A-Za-z0-9][A-Za-z0-9._/-]{0,258}[A-Za-z0-9]$"),
        ["Microsoft.Web/sites"] = new("^[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]$"),
        ["Microsoft.Web/serverfarms"] = new("^[A-Za-z0-9-]{1,60}$"),
        ["Microsoft.OperationalInsights/workspaces"] = new("^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]$"),
        ["Microsoft.ManagedIdentity/userAssignedIdentities"] = new("^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$"),
        ["Microsoft.EventGrid/systemTopics"] = new("^[A-Za-z0-9-]{3,128}$"),
        ["Microsoft.EventGrid/systemTopics/eventSubscriptions"] = new("^[A-Za-z0-9-]{3,64}$"),
        ["Microsoft.Network/virtualNetworks"] = new("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9_]$"),
        ["Microsoft.Network/natGateways"] = new("^[A-Za-z0-9][A-Za-z0-9._-]{0,78}[A-Za-z0-9_]$"),
        ["Microsoft.Network/publicIPAddresses"] = new("^[A-Za-z0-9][A-Za-z0-9._-]{0,78}[A-Za-z0-9_]$"),
        ["Microsoft.Insights/actionGroups"] = new("^[^:<>+/&%\\\\?]{1,260}$"),
    };

    /// <summary>Types whose names must be globally unique.</summary>
    private static readonly string[] s_unique =
        ["Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.ServiceBus/namespaces", "Microsoft.Web/sites"];

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("api-versions-recent", "No API version is older than three years where a newer stable one exists.",
            ApiVersionsRecent, infrastructure => Declared(infrastructure, "Microsoft.Storage/storageAccounts")["apiVersion"] = "2022-09-01"),
        new("api-versions-stable", "No API version is a preview where a stable one exists.",
            ApiVersionsStable, infrastructure => Declared(infrastructure, "Microsoft.KeyVault/vaults")["apiVersion"] = "2026-06-01-preview"),
        new("one-api-version-for-each-type", "A type has one API version everywhere, existing resources included.",
            OneApiVersionForEachType, infrastructure => Declared(infrastructure, "Microsoft.KeyVault/vaults")["apiVersion"] = "2025-05-01"),
        new("parameters-described", "Every parameter of every template is described, properties of objects included.",
            ParametersDescribed, infrastructure => infrastructure.Template["parameters"]!["location"]!["metadata"] = null),
        new("outputs-described", "Every output of every template is described.",
            OutputsDescribed, infrastructure => infrastructure.Template["outputs"]!["outboundAddress"]!["metadata"] = null),
        new("texts-bounded", "Every string parameter has a min and a max length, except the region and the extra settings.",
            TextsBounded, infrastructure => infrastructure.Template["parameters"]!["environmentName"]!.AsObject().Remove("maxLength")),
        new("numbers-bounded", "Every number parameter has a min and a max value or a list of allowed values.",
            NumbersBounded, infrastructure => Definition(infrastructure, "capacityType")["properties"]!["maximumInstanceCount"]!.AsObject().Remove("maxValue")),
        new("objects-typed", "Every object parameter has a sealed type, so that a misspelled property is an error.",
            ObjectsTyped, infrastructure => Definition(infrastructure, "signingType").Remove("additionalProperties")),
        new("no-linked-templates", "No template links to an external template.",
            NoLinkedTemplates, LinkATemplate),
        new("no-deployment-time", "No template uses the time or a random value, which would make a second deployment differ from the first.",
            NoDeploymentTime, infrastructure => infrastructure.Template["parameters"]!["networkAddressPrefix"]!["defaultValue"] = "[utcNow('yyyy')]"),
        new("no-deployment-time-for-azd", "The azd template uses neither the time nor a random value.",
            NoDeploymentTime, infrastructure => infrastructure.Azd["parameters"]!["networkAddressPrefix"]!["defaultValue"] = "[newGuid()]"),
        new("no-scripts", "A deployment runs no scripts or other tools.",
            infrastructure => from one in infrastructure.Declared
                              where ((string?)one.Resource["type"])!.StartsWith("Microsoft.Resources/deploymentScripts", StringComparison.Ordinal)
                              select $"{one.Template} runs a script.",
            infrastructure => Declared(infrastructure, "Microsoft.Insights/workbooks")["type"] = "Microsoft.Resources/deploymentScripts"),
        new("everything-tagged", "Every resource that supports tags has the tags that identify its workload.",
            EverythingTagged, Demand.Set("Microsoft.Network/natGateways", "tags", null)),
        new("one-region", "Every resource is in the one region or global.",
            OneRegion, Demand.Set("Microsoft.Storage/storageAccounts", "location", "westeurope")),
        new("names-within-limits", "Every name follows the naming rules of its type.",
            NamesWithinLimits, infrastructure => infrastructure.Production.Of("Microsoft.KeyVault/vaults").First().Node["name"] = "csync-production-kv1-pgfyd4uhbzakg"),
        new("names-unique-in-the-world", "A globally unique name has the unique suffix of the resource group.",
            NamesUniqueInTheWorld, infrastructure => infrastructure.Small.The("Microsoft.Web/sites").Node["name"] = "csync-uat"),
        new("names-start-with-workload", "Every name that can be chosen freely starts with the workload's name.",
            NamesStartWithWorkload, infrastructure => infrastructure.Small.The("Microsoft.Network/virtualNetworks").Node["name"] = "vnet-uat"),
        new("no-warnings-from-evaluation", "The compiler evaluates both sizes without warnings.",
            infrastructure => from effect in infrastructure.Effects
                              where effect.Document["diagnostics"] is not JsonArray { Count: 0 }
                              select $"{effect.Name}: {effect.Document["diagnostics"]?.ToJsonString()}.",
            infrastructure => infrastructure.Small.Document["diagnostics"] = new JsonArray("something")),
    ];

    private static IEnumerable<string> ApiVersionsRecent(Infrastructure infrastructure) =>
        from one in infrastructure.Declared
        let version = (string)one.Resource["apiVersion"]!
        where DateOnly.ParseExact(version[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture) < s_reviewed.AddYears(-3)
        where !s_noNewerVersion.Contains($"{one.Resource["type"]}@{version}")
        select $"{one.Template}: {one.Resource["type"]}@{version} is old.";

    private static IEnumerable<string> ApiVersionsStable(Infrastructure infrastructure) =>
        from one in infrastructure.Declared
        let version = (string)one.Resource["apiVersion"]!
        where version.EndsWith("-preview", StringComparison.Ordinal) && !s_noNewerVersion.Contains($"{one.Resource["type"]}@{version}")
        select $"{one.Template}: {one.Resource["type"]}@{version} is a preview.";

    private static IEnumerable<string> OneApiVersionForEachType(Infrastructure infrastructure) =>
        from type in infrastructure.Declared.GroupBy(one => (string)one.Resource["type"]!, one => (string)one.Resource["apiVersion"]!)
        where type.Distinct().Count() > 1
        select $"{type.Key} has versions {string.Join(", ", type.Distinct())}.";

    private static IEnumerable<string> ParametersDescribed(Infrastructure infrastructure) =>
        from one in infrastructure.Templates
        from parameter in Parameters(one.Template)
        where string.IsNullOrWhiteSpace((string?)parameter.Schema["metadata"]?["description"])
        select $"{one.Name}: {parameter.Path} is not described.";

    private static IEnumerable<string> OutputsDescribed(Infrastructure infrastructure) =>
        from one in infrastructure.Templates
        from output in one.Template["outputs"]?.AsObject() ?? []
        where string.IsNullOrWhiteSpace((string?)output.Value!["metadata"]?["description"])
        select $"{one.Name}: output {output.Key} is not described.";

    private static IEnumerable<string> TextsBounded(Infrastructure infrastructure) =>
        from parameter in Parameters(infrastructure.Template)
        where (string?)parameter.Schema["type"] == "string" && parameter.Schema["allowedValues"] is null && parameter.Path != "location"
        where parameter.Schema["minLength"] is null || parameter.Schema["maxLength"] is null
        select $"{parameter.Path} has no length limits.";

    private static IEnumerable<string> NumbersBounded(Infrastructure infrastructure) =>
        from parameter in Parameters(infrastructure.Template)
        where (string?)parameter.Schema["type"] == "int" && parameter.Schema["allowedValues"] is null
        where parameter.Schema["minValue"] is null || parameter.Schema["maxValue"] is null
        select $"{parameter.Path} has no limits.";

    private static IEnumerable<string> ObjectsTyped(Infrastructure infrastructure) =>
        from one in infrastructure.Templates
        from parameter in Parameters(one.Template)
        where (string?)parameter.Schema["type"] == "object" && !IsSealed(parameter.Schema) && parameter.Schema["additionalProperties"] is not JsonObject
        select $"{one.Name}: {parameter.Path} has no sealed type.";

    private static IEnumerable<string> NoDeploymentTime(Infrastructure infrastructure) =>
        from one in infrastructure.Templates.Append((Name: "azd", Template: infrastructure.Azd))
        from function in new[] { "utcNow(", "newGuid(" }
        where one.Template.ToJsonString().Contains(function, StringComparison.OrdinalIgnoreCase)
        select $"{one.Name} calls {function}).";

    private static IEnumerable<string> NoLinkedTemplates(Infrastructure infrastructure) =>
        from one in infrastructure.Templates
        where one.Template.ToJsonString().Contains("\"templateLink\"", StringComparison.Ordinal)
        select $"{one.Name} links to an external template.";

    private static IEnumerable<string> EverythingTagged(Infrastructure infrastructure) =>
        from resource in infrastructure.Effects.SelectMany(effect => effect.Resources)
        where !s_untagged.IsMatch(resource.Type) && (resource.Text("tags.workload") != "csync" || string.IsNullOrEmpty(resource.Text("tags.environment")))
        select $"{resource} has the tags {resource.Text("tags") ?? "none"}.";

    private static IEnumerable<string> OneRegion(Infrastructure infrastructure) =>
        from resource in infrastructure.Effects.SelectMany(effect => effect.Resources)
        where resource.Text("location") is not (null or "eastasia" or "global")
        select $"{resource} is in {resource.Text("location")}.";

    private static IEnumerable<string> NamesWithinLimits(Infrastructure infrastructure) =>
        from resource in infrastructure.Effects.SelectMany(effect => effect.Resources)
        where s_names.TryGetValue(resource.Type, out var form) && !form.IsMatch(resource.ShortName)
        select $"{resource} has a name that its type does not allow.";

    private static IEnumerable<string> NamesUniqueInTheWorld(Infrastructure infrastructure) =>
        from type in s_unique
        from resource in infrastructure.Of(type)
        where !UniqueSuffix().IsMatch(resource.Name)
        select $"{resource} has no unique suffix.";

    private static IEnumerable<string> NamesStartWithWorkload(Infrastructure infrastructure) =>
        from resource in infrastructure.Effects.SelectMany(effect => effect.Resources)
        let name = resource.Name
        where !name.StartsWith("csync", StringComparison.Ordinal) && !Guid.TryParse(name, out _)
            && !name.Contains("privatelink.", StringComparison.Ordinal)
                && resource.Type is not ("Microsoft.Insights/diagnosticSettings" or "Microsoft.Authorization/locks")
        select $"{resource} does not start with csync.";

    /// <summary>The parameters of a template and the properties of its object parameters, each with its path.</summary>
    private static IEnumerable<(string Path, JsonObject Schema)> Parameters(JsonObject template) =>
        from parameter in template["parameters"]?.AsObject() ?? []
        from one in Within(template, parameter.Key, parameter.Value!.AsObject())
        select one;

    private static IEnumerable<(string Path, JsonObject Schema)> Within(JsonObject template, string path, JsonObject schema)
    {
        var type = Resolve(template, schema);
        yield return (path, type);

        foreach (var (name, inner) in type["properties"] as JsonObject ?? [])
        {
            foreach (var one in Within(template, $"{path}.{name}", inner!.AsObject()))
            {
                yield return one;
            }
        }

        // The items of an array have no description of their own, but their properties do.
        if (type["items"] is not JsonObject items) yield break;

        foreach (var one in Within(template, $"{path}[]", items).Skip(1))
        {
            yield return one;
        }
    }

    /// <summary>The type that a schema refers to, overlaid with the properties of the schema itself.</summary>
    private static JsonObject Resolve(JsonObject template, JsonObject schema)
    {
        if ((string?)schema["$ref"] is not { } reference) return schema;

        var type = template["definitions"]![reference[(reference.LastIndexOf('/') + 1)..]]!.DeepClone().AsObject();

        foreach (var (name, value) in schema)
        {
            type[name] = value?.DeepClone();
        }

        return type;
    }

    private static bool IsSealed(JsonObject schema) => schema["properties"] is not null && schema["additionalProperties"] is JsonValue more && !more.GetValue<bool>();

    private static JsonObject Declared(Infrastructure infrastructure, string type) => infrastructure.Declared.First(one => (string?)one.Resource["type"] == type).Resource;

    private static JsonObject Definition(Infrastructure infrastructure, string name) =>
        infrastructure.Template["definitions"]!.AsObject().Single(one => one.Key.EndsWith(name, StringComparison.Ordinal)).Value!.AsObject();

    private static void LinkATemplate(Infrastructure infrastructure)
    {
        var module = infrastructure.Template["resources"]!.AsObject().First(one => (string?)one.Value!["type"] == "Microsoft.Resources/deployments").Value!;
        module["properties"]!["templateLink"] = new JsonObject { ["uri"] = "https://elsewhere.example/template.json" };
    }

    [GeneratedRegex("[a-z0-9]{13}$")]
    private static partial Regex UniqueSuffix();
}
