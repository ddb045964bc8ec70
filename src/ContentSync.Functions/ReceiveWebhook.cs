using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/webhooks/content. Receives CloudEvents. Needs no function key, because messages are signed.</summary>
public sealed class ReceiveWebhook(ApiFunctions api)
{
    [Function(nameof(ReceiveWebhook))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "webhooks/content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(ReceiveWebhook), request, cancellationToken);
}
