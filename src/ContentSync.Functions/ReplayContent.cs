using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content/{contentId}/replay. Sends one parked item again.</summary>
public sealed class ReplayContent(ApiFunctions api)
{
    [Function(nameof(ReplayContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/{contentId}/replay")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(ReplayContent), request, cancellationToken);
}
