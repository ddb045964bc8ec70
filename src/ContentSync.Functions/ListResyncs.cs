using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/resyncs. The recent resyncs.</summary>
public sealed class ListResyncs(ApiFunctions api)
{
    [Function(nameof(ListResyncs))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "resyncs")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(ListResyncs), request, cancellationToken);
}
