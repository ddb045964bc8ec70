using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Starts, shows and cancels resyncs.</summary>
public sealed class ResyncFunctions(ApiFunctions api)
{
    /// <summary>POST /api/resyncs. Starts a resync from the catalog or the ledger.</summary>
    [Function(nameof(StartResync))]
    public Task<IResult> StartResync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "resyncs")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/resyncs. The recent resyncs.</summary>
    [Function(nameof(ListResyncs))]
    public Task<IResult> ListResyncs(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "resyncs")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/resyncs/{runId}. The state of one resync.</summary>
    [Function(nameof(GetResync))]
    public Task<IResult> GetResync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "resyncs/{runId}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/resyncs/{runId}/cancel. Cancels a resync permanently.</summary>
    [Function(nameof(CancelResync))]
    public Task<IResult> CancelResync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "resyncs/{runId}/cancel")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
