using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/content/{contentId}. The state of one item.</summary>
public sealed class GetContent(ApiFunctions api)
{
    [Function(nameof(GetContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "content/{contentId}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetContent), request, cancellationToken);
}
