using ContentSync.Tests.Infra.Rules;

namespace ContentSync.Tests.Infra;

/// <summary>Every rule holds, and every rule can fail.</summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class PolicyTests(InfrastructureFixture fixture)
{
    public static TheoryData<string> Rules => [.. PolicyRules.All.Select(rule => rule.Id)];

    [BicepTheory]
    [MemberData(nameof(Rules))]
    public void Holds(string rule)
    {
        var violations = Rule(rule).Violations(fixture.Infrastructure).ToArray();

        Assert.True(violations.Length == 0, $"{Rule(rule).Demands}\n{string.Join('\n', violations)}");
    }

    [BicepTheory]
    [MemberData(nameof(Rules))]
    public void Fails_on_a_deployment_that_breaks_it(string rule)
    {
        var broken = fixture.Infrastructure.Clone();
        Rule(rule).Break(broken);

        Assert.NotEmpty(Rule(rule).Violations(broken));
    }

    [Fact]
    public void There_are_at_least_fifty_rules_each_with_a_name_of_its_own()
    {
        Assert.True(PolicyRules.All.Count >= 50, $"There are {PolicyRules.All.Count}.");
        Assert.Equal(PolicyRules.All.Count, PolicyRules.All.Select(rule => rule.Id).Distinct().Count());
    }

    private static PolicyRule Rule(string id) => PolicyRules.All.Single(rule => rule.Id == id);
}
