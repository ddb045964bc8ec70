using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content/preview. Shows what would be sent; sends and signs nothing.</summary>
public sealed class PreviewContent(ApiFunctions api)
{
    [Function(nameof(PreviewContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/preview")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(PreviewContent), request, cancellationToken);
}
