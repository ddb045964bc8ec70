using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/board/state. The figures that the board shows.</summary>
public sealed class GetBoardState(ApiFunctions api)
{
    [Function(nameof(GetBoardState))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "board/state")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(GetBoardState), request, cancellationToken);
}
