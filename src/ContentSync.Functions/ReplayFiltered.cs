using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content/replay. Sends parked items that match a filter again, or only counts them.</summary>
public sealed class ReplayFiltered(ApiFunctions api)
{
    [Function(nameof(ReplayFiltered))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/replay")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(ReplayFiltered), request, cancellationToken);
}
