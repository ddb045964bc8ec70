using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content/batch. Submits many items, as a JSON array or NDJSON.</summary>
public sealed class SubmitContentBatch(ApiFunctions api)
{
    [Function(nameof(SubmitContentBatch))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content/batch")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(SubmitContentBatch), request, cancellationToken);
}
