namespace ContentSync.Tests.Infra.Rules;

/// <summary>A rule that every deployment must follow.</summary>
/// <param name="Id">Name of the rule in test output and reviews.</param>
/// <param name="Demands">The requirement as a sentence.</param>
/// <param name="Violations">Finds all violations; empty if the rule holds.</param>
/// <param name="Break">Violates the rule as a careless change would, to prove that the rule can fail.</param>
internal sealed record PolicyRule(
    string Id,
    string Demands,
    Func<Infrastructure, IEnumerable<string>> Violations,
    Action<Infrastructure> Break);

/// <summary>All rules.</summary>
internal static class PolicyRules
{
    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        .. IdentityRules.All,
        .. RoleRules.All,
        .. VaultRules.All,
        .. StorageRules.All,
        .. QueueRules.All,
        .. AppRules.All,
        .. NetworkRules.All,
        .. ObservabilityRules.All,
        .. TemplateRules.All,
    ];
}
