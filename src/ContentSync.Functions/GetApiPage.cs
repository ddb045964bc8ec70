using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/reference. A page for trying the API.</summary>
public sealed class GetApiPage(ApiFunctions api)
{
    [Function(nameof(GetApiPage))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "reference")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetApiPage), request, cancellationToken);
}
