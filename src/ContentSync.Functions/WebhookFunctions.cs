using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Receives CloudEvents from a catalog. Needs no function key, because messages are signed.</summary>
public sealed class WebhookFunctions(ApiFunctions api)
{
    /// <summary>POST /api/webhooks/content. Receives CloudEvents.</summary>
    [Function(nameof(ReceiveWebhook))]
    public Task<IResult> ReceiveWebhook(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "webhooks/content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>OPTIONS /api/webhooks/content. A sender of CloudEvents asks for permission to send.</summary>
    [Function(nameof(WebhookHandshake))]
    public Task<IResult> WebhookHandshake(
        [HttpTrigger(AuthorizationLevel.Anonymous, "options", Route = "webhooks/content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
