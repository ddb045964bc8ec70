using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/resyncs/{runId}/cancel. Cancels a resync permanently.</summary>
public sealed class CancelResync(ApiFunctions api)
{
    [Function(nameof(CancelResync))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "resyncs/{runId}/cancel")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(CancelResync), request, cancellationToken);
}
