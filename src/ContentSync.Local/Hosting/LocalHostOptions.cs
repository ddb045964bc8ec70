using Microsoft.AspNetCore.Routing;

namespace ContentSync.Local.Hosting;

/// <summary>Settings of the local host.</summary>
/// <param name="Port">Port on loopback; 0 picks a free one.</param>
public sealed record LocalHostOptions(int Port)
{
    /// <summary>Key that callers must send; null requires none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Adds routes next to the API's, behind the same middleware, so that a benchmark can compare with an empty endpoint.</summary>
    internal Action<IEndpointRouteBuilder>? MapMore { get; init; }
}
