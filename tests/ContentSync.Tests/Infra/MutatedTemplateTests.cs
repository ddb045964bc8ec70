using System.Text.Json.Nodes;
using ContentSync.Tests.Infra.Rules;

namespace ContentSync.Tests.Infra;

/// <summary>
/// The rules check evaluated templates. These tests break the compiled template itself, deep inside its modules, let the compiler
/// evaluate it, and check that the rule fails: the evaluation hides no fault.
/// </summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class MutatedTemplateTests(InfrastructureFixture fixture)
{
    [BicepTheory]
    [InlineData("purge-protection", "Microsoft.KeyVault/vaults", "enablePurgeProtection")]
    [InlineData("storage-shared-keys-off", "Microsoft.Storage/storageAccounts", "allowSharedKeyAccess")]
    [InlineData("sessions-for-lanes", "Microsoft.ServiceBus/namespaces/queues", "requiresSession")]
    [InlineData("app-https-only", "Microsoft.Web/sites", "httpsOnly")]
    public async Task A_fault_in_a_module_violates_its_rule(string rule, string type, string property)
    {
        var mutant = fixture.Infrastructure.Clone();

        foreach (var template in mutant.Templates.Select(one => one.Template))
        {
            Flip(template, type, property);
        }

        var broken = await fixture.EvaluateAsync(mutant.Template);

        Assert.NotEmpty(PolicyRules.All.Single(one => one.Id == rule).Violations(broken));
    }

    [BicepTheory]
    [InlineData("endpoint-in-the-zone-of-its-service", "privatelink.vaultcore.azure.net", "privatelink.vault.azure.net")]
    [InlineData("endpoints-have-names", "variables('zoneNames')[parameters('targets')[copyIndex()].group]", "variables('zoneNames')[parameters('targets')[0].group]")]
    [InlineData("log-alerts-compare-as-intended", "iff(Sweeps == 0, 1, 0)", "iff(Sweeps > 0, 1, 0)")]
    [InlineData("log-alerts-read-the-right-table", "AppRequests", "AppTraces")]
    [InlineData("queries-read-known-metrics", "Properties.reason", "Properties.Reason")]
    [InlineData("log-alerts-fire-above", "\"timeAggregation\":\"Maximum\",\"operator\":\"GreaterThan\"", "\"timeAggregation\":\"Maximum\",\"operator\":\"LessThan\"")]
    [InlineData("log-alerts-outlast-the-delay-of-telemetry", "\"window\":\"PT15M\"", "\"window\":\"PT5M\"")]
    [InlineData("content-outlives-its-retries", "\"P14D\"", "\"P1D\"")]
    [InlineData("duplicates-outlast-two-sweeps", "TimeWindow\":\"PT10M\"", "TimeWindow\":\"PT1M\"")]
    [InlineData("lock-outlives-an-item", "\"lockDuration\":\"PT2M\"", "\"lockDuration\":\"PT30S\"")]
    [InlineData("diagnostics-complete", "\"AuditEvent\",\"enabled\":true", "\"AuditEvent\",\"enabled\":false")]
    [InlineData("no-signed-addresses-in-settings", "createObject('AZURE_CLIENT_ID', ", "createObject('Content__SchemaDirectory', 'https://a.example/s?code=x', 'AZURE_CLIENT_ID', ")]
    [InlineData("azd-finds-the-app", "'azd-service-name', 'functions'", "'service', 'functions'")]
    [InlineData("instance-memory", "[parameters('capacity').instanceMemoryMB]", "[div(parameters('capacity').instanceMemoryMB, 2)]")]
    [InlineData("sweep-often", "0 */5 * * * *", "0 0 4 * * *")]
    [InlineData("only-plans-go", "format('{0}/plans/', parameters('stateContainerName'))", "format('{0}/', parameters('catalogContainerName'))")]
    public async Task A_careless_change_of_the_template_violates_its_rule(string rule, string from, string to)
    {
        var broken = await fixture.EvaluateChangedAsync(from, to);

        Assert.NotEmpty(PolicyRules.All.Single(one => one.Id == rule).Violations(broken));
    }

    [BicepFact]
    public async Task The_unchanged_template_evaluates_to_the_same_resources()
    {
        var evaluated = await fixture.EvaluateAsync(fixture.Infrastructure.Template);

        Assert.True(JsonNode.DeepEquals(fixture.Infrastructure.Small.Document, evaluated.Small.Document));
        Assert.True(JsonNode.DeepEquals(fixture.Infrastructure.Production.Document, evaluated.Production.Document));
    }

    /// <summary>Inverts a boolean property of a type, whether it is set in place or through a variable.</summary>
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
