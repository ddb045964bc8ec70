using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>
/// Serves the board, the API reference, their files, and health. Only the figures need a function key: the others hold no data.
/// </summary>
public sealed class PageFunctions(ApiFunctions api)
{
    /// <summary>GET /api/health. Needs no key, so that health probes can call it; it reveals nothing about items.</summary>
    [Function(nameof(CheckHealth))]
    public Task<IResult> CheckHealth(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/board/state. The figures that the board shows.</summary>
    [Function(nameof(GetBoardState))]
    public Task<IResult> GetBoardState(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "board/state")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/trends. What all instances did in the last hour or day.</summary>
    [Function(nameof(GetTrends))]
    public Task<IResult> GetTrends(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "trends")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/board. The page only, which holds no data and asks for a key.</summary>
    [Function(nameof(GetBoard))]
    public Task<IResult> GetBoard(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "board")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/board/files/{file}. The scripts and styles of the pages.</summary>
    [Function(nameof(GetPageFile))]
    public Task<IResult> GetPageFile(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "board/files/{file}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/openapi.json. The API in OpenAPI 3.1.</summary>
    [Function(nameof(GetApiDescription))]
    public Task<IResult> GetApiDescription(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "openapi.json")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/reference. A page for trying the API.</summary>
    [Function(nameof(GetApiPage))]
    public Task<IResult> GetApiPage(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "reference")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
