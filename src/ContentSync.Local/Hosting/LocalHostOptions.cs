using Microsoft.AspNetCore.Routing;

namespace ContentSync.Local.Hosting;

/// <summary>What the local host is told.</summary>
/// <param name="Port">On this machine only; 0 takes a free one.</param>
public sealed record LocalHostOptions(int Port)
{
    /// <summary>Asked of callers where it is set.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Standard Webhooks secrets; none closes the webhook.</summary>
    public IList<string> WebhookSecrets { get; init; } = [];

    /// <summary>Adds routes beside the API's, behind the same middleware. Lets a benchmark compare with an endpoint that does nothing.</summary>
    internal Action<IEndpointRouteBuilder>? MapMore { get; init; }
}
