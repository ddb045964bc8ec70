using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/openapi.json. The API in OpenAPI 3.1.</summary>
public sealed class GetApiDescription(ApiFunctions api)
{
    [Function(nameof(GetApiDescription))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "openapi.json")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetApiDescription), request, cancellationToken);
}
