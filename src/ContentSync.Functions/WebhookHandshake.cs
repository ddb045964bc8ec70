using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>OPTIONS /api/webhooks/content. A sender of CloudEvents asks for permission to send.</summary>
public sealed class WebhookHandshake(ApiFunctions api)
{
    [Function(nameof(WebhookHandshake))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "options", Route = "webhooks/content")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(nameof(WebhookHandshake), request, cancellationToken);
}
