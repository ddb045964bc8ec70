using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Submits, shows, delists and replays items.</summary>
public sealed class ContentFunctions(ApiFunctions api)
{
    /// <summary>POST /api/content. Submits one item.</summary>
    [Function(nameof(SubmitContent))]
    public Task<IResult> SubmitContent(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/content. Items by state, type and result code, one page at a time.</summary>
    [Function(nameof(ListContent))]
    public Task<IResult> ListContent(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/content/batch. Submits many items, as a JSON array or NDJSON.</summary>
    [Function(nameof(SubmitContentBatch))]
    public Task<IResult> SubmitContentBatch(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/batch")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/content/preview. Shows what would be sent; sends and signs nothing.</summary>
    [Function(nameof(PreviewContent))]
    public Task<IResult> PreviewContent(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/preview")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/content/replay. Sends parked items that match a filter again, or only counts them.</summary>
    [Function(nameof(ReplayFiltered))]
    public Task<IResult> ReplayFiltered(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/replay")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/content/{contentId}. The state of one item.</summary>
    [Function(nameof(GetContent))]
    public Task<IResult> GetContent(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "content/{contentId}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>DELETE /api/content/{contentId}. Delists one item.</summary>
    [Function(nameof(DelistContent))]
    public Task<IResult> DelistContent(
        [HttpTrigger(AuthorizationLevel.Function, "delete", Route = "content/{contentId}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>DELETE /api/content?contentId=. Delists one item whose contentId does not fit into a path.</summary>
    [Function(nameof(DelistContentByQuery))]
    public Task<IResult> DelistContentByQuery(
        [HttpTrigger(AuthorizationLevel.Function, "delete", Route = "content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/content/{contentId}/replay. Sends one parked item again.</summary>
    [Function(nameof(ReplayContent))]
    public Task<IResult> ReplayContent(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/{contentId}/replay")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
