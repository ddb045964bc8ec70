using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra;

/// <summary>Key Vault rejects a new expiry for an existing key, so a deployment must not depend on the time at which it runs.</summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class DeploymentTimeTests(InfrastructureFixture fixture)
{
    private static readonly DateTimeOffset s_first = new(2026, 11, 27, 9, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_second = new(2027, 2, 3, 17, 30, 0, TimeSpan.Zero);

    [BicepFact]
    public async Task Deployments_at_different_times_create_the_same_resources()
    {
        var first = await fixture.EvaluateAtAsync(fixture.Infrastructure.Template, s_first);
        var second = await fixture.EvaluateAtAsync(fixture.Infrastructure.Template, s_second);

        Assert.True(JsonNode.DeepEquals(first.Small.Document, second.Small.Document));
        Assert.True(JsonNode.DeepEquals(first.Production.Document, second.Production.Document));
    }

    [BicepFact]
    public async Task A_key_expiry_relative_to_the_deployment_time_is_detected()
    {
        var mutant = fixture.Infrastructure.Clone().Template;
        foreach (var (_, parameter) in mutant["variables"]!.AsObject().Where(one => one.Key == "keyExpiries").ToArray())
        {
            mutant["parameters"]!["keyExpiresOn"] =
                new JsonObject { ["type"] = "string", ["defaultValue"] = "[dateTimeAdd(utcNow(), 'P2Y', 'yyyy-MM-dd')]" };
            mutant["variables"]!["keyExpiries"] =
                "[createArray(dateTimeToEpoch(format('{0}T00:00:00Z', parameters('keyExpiresOn'))), dateTimeToEpoch(format('{0}T00:00:00Z', parameters('keyExpiresOn'))))]";
            Assert.NotNull(parameter);
        }

        var first = await fixture.EvaluateAtAsync(mutant, s_first);
        var second = await fixture.EvaluateAtAsync(mutant, s_second);

        Assert.False(JsonNode.DeepEquals(first.Small.Document, second.Small.Document));
    }
}
