using System.CommandLine;
using ContentSync.Simulator;

namespace ContentSync.Local.CommandLine;

/// <summary>The option that makes the simulated AlipayHK misbehave.</summary>
internal static class FaultArguments
{
    public static Option<GatewayFaults> Create(string description) => new("--faults")
    {
        Description = $"{description} {GatewayFaults.Grammar}",
        HelpName = "LIST",
        CustomParser = result =>
        {
            if (GatewayFaults.TryParse(result.Tokens[0].Value, out var faults, out var error)) return faults;
            result.AddError($"--faults: {error}");
            return null;
        },
    };
}
