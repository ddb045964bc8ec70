using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content. Submits one item.</summary>
public sealed class SubmitContent(ApiFunctions api)
{
    [Function(nameof(SubmitContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(SubmitContent), request, cancellationToken);
}
