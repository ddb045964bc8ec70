namespace ContentSync.Tests.Infra.Rules;

/// <summary>One thing that every deployment must hold to.</summary>
/// <param name="Id">Name of the rule, as tests and reviewers call it.</param>
/// <param name="Demands">What it demands, as a sentence.</param>
/// <param name="Violations">Every place where it is broken; none where it holds.</param>
/// <param name="Break">Breaks it, as a careless change would. The proof that the rule can fail.</param>
internal sealed record PolicyRule(
    string Id,
    string Demands,
    Func<Infrastructure, IEnumerable<string>> Violations,
    Action<Infrastructure> Break);

/// <summary>The whole table.</summary>
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
