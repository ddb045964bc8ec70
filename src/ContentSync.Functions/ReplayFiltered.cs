using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content/replay. Parked contents again, filtered, with a dry run.</summary>
public sealed class ReplayFiltered(ApiFunctions api)
{
    [Function(nameof(ReplayFiltered))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/replay")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(ReplayFiltered), request, cancellationToken);
}
