using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/resyncs. Starts a resync from the catalog or the ledger.</summary>
public sealed class StartResync(ApiFunctions api)
{
    [Function(nameof(StartResync))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "resyncs")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(StartResync), request, cancellationToken);
}
