using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/resyncs/{runId}. The state of one resync.</summary>
public sealed class GetResync(ApiFunctions api)
{
    [Function(nameof(GetResync))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "resyncs/{runId}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetResync), request, cancellationToken);
}
