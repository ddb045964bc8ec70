using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Shows, pauses and resumes sending, sets its rate, and shows who is notified of it.</summary>
public sealed class SendingFunctions(ApiFunctions api)
{
    /// <summary>GET /api/sending. The rate and the pauses in force.</summary>
    [Function(nameof(GetSending))]
    public Task<IResult> GetSending(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "sending")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/sending/pause. Pauses all sending, or one content type.</summary>
    [Function(nameof(PauseSending))]
    public Task<IResult> PauseSending(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "sending/pause")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/sending/resume. Ends a pause.</summary>
    [Function(nameof(ResumeSending))]
    public Task<IResult> ResumeSending(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "sending/resume")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/notifications. Whether the receivers accept notifications.</summary>
    [Function(nameof(GetNotifications))]
    public Task<IResult> GetNotifications(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "notifications")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/sending/rate. Sets the rate of all instances together.</summary>
    [Function(nameof(SetSendRate))]
    public Task<IResult> SetSendRate(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "sending/rate")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
