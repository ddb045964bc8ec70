using ContentSync.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>POST /api/content. One content: sent at once, or accepted for later with <c>Prefer: respond-async</c>.</summary>
public sealed class SubmitContent(SubmitContentHandler handler)
{
    [Function(nameof(SubmitContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "content")] HttpRequest request,
        CancellationToken cancellationToken) =>
        ClosedRequest.AnswerAsync(handler.HandleAsync(request, cancellationToken), cancellationToken);
}
