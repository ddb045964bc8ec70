using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/board. The page only, which holds no data and asks for a key.</summary>
public sealed class GetBoard(ApiFunctions api)
{
    [Function(nameof(GetBoard))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "board")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetBoard), request, cancellationToken);
}
