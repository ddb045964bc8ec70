using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/content. Items by state, type and result code, one page at a time.</summary>
public sealed class ListContent(ApiFunctions api)
{
    [Function(nameof(ListContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(ListContent), request, cancellationToken);
}
