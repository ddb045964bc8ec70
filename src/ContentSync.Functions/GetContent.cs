using ContentSync.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>GET /api/content/{contentId}. Where one content stands.</summary>
public sealed class GetContent(GetContentHandler handler)
{
    [Function(nameof(GetContent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "content/{contentId}")] HttpRequest request,
        string contentId,
        CancellationToken cancellationToken)
    {
        return ClosedRequest.AnswerAsync(handler.HandleAsync(contentId, cancellationToken), cancellationToken);
    }
}
