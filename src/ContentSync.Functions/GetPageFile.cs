using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/board/files/{file}. The scripts and styles of the pages.</summary>
public sealed class GetPageFile(ApiFunctions api)
{
    [Function(nameof(GetPageFile))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "board/files/{file}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetPageFile), request, cancellationToken);
}
