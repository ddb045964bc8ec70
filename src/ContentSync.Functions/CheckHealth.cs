using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/health. Needs no key, so that health probes can call it; it reveals nothing about items.</summary>
public sealed class CheckHealth(ApiFunctions api)
{
    [Function(nameof(CheckHealth))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "health")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(CheckHealth), request, cancellationToken);
}
