using System.Text.Json.Nodes;
using ContentSync.Tests.Infra.Rules;

namespace ContentSync.Tests.Infra;

/// <summary>
/// The rules look at what a template comes to. These tests break the compiled template itself, deep inside its modules, let the
/// compiler evaluate it, and see the rule fail: nothing between template and rule hides a fault.
/// </summary>
[Collection(InfrastructureTests.Name)]
public sealed class MutatedTemplateTests(InfrastructureFixture fixture)
{
    [BicepTheory]
    [InlineData("purge-protection", "Microsoft.KeyVault/vaults", "enablePurgeProtection")]
    [InlineData("storage-shared-keys-off", "Microsoft.Storage/storageAccounts", "allowSharedKeyAccess")]
    [InlineData("sessions-for-lanes", "Microsoft.ServiceBus/namespaces/queues", "requiresSession")]
    [InlineData("app-https-only", "Microsoft.Web/sites", "httpsOnly")]
    public async Task A_fault_in_a_module_fails_its_rule(string rule, string type, string property)
    {
        var mutant = fixture.Infrastructure.Clone();

        foreach (var template in mutant.Templates.Select(one => one.Template))
        {
            Flip(template, type, property);
        }

        var broken = await fixture.EvaluateAsync(mutant.Template);

        Assert.NotEmpty(PolicyRules.All.Single(one => one.Id == rule).Violations(broken));
    }

    [BicepFact]
    public async Task The_template_as_it_is_comes_to_the_same_by_this_way()
    {
        var evaluated = await fixture.EvaluateAsync(fixture.Infrastructure.Template);

        Assert.True(JsonNode.DeepEquals(fixture.Infrastructure.Small.Document, evaluated.Small.Document));
        Assert.True(JsonNode.DeepEquals(fixture.Infrastructure.Production.Document, evaluated.Production.Document));
    }

    /// <summary>Turns a switch over, wherever the type's properties say it: in place, or in a variable they come from.</summary>
    private static void Flip(JsonObject template, string type, string property)
    {
        if (!template["resources"]!.AsObject().Any(one => (string?)one.Value!["type"] == type)) return;

        foreach (var holder in Holders(template, property).ToArray())
        {
            holder[property] = !(bool)holder[property]!;
        }
    }

    private static IEnumerable<JsonObject> Holders(JsonNode? node, string property) => node switch
    {
        JsonObject map => (map[property] is JsonValue value && value.TryGetValue<bool>(out _) ? new[] { map } : [])
            .Concat(map.Where(one => one.Key != "template").SelectMany(one => Holders(one.Value, property))),
        JsonArray list => list.SelectMany(one => Holders(one, property)),
        _ => [],
    };
}
