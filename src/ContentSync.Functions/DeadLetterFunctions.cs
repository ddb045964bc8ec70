using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Shows, resubmits and discards dead-lettered messages.</summary>
public sealed class DeadLetterFunctions(ApiFunctions api)
{
    /// <summary>GET /api/dead-letters. Messages of a dead-letter queue.</summary>
    [Function(nameof(ListDeadLetters))]
    public Task<IResult> ListDeadLetters(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "dead-letters")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/dead-letters/{queue}/{sequenceNumber}. One message with its body.</summary>
    [Function(nameof(GetDeadLetter))]
    public Task<IResult> GetDeadLetter(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "dead-letters/{queue}/{sequenceNumber}")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/dead-letters/resubmit. Sends messages to their queue again.</summary>
    [Function(nameof(ResubmitDeadLetters))]
    public Task<IResult> ResubmitDeadLetters(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "dead-letters/resubmit")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/dead-letters/discard. Removes messages.</summary>
    [Function(nameof(DiscardDeadLetters))]
    public Task<IResult> DiscardDeadLetters(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "dead-letters/discard")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
