using Microsoft.AspNetCore.Http;

namespace ContentSync.Functions;

/// <summary>A caller that went away, or a host that shuts down, is no failure of the function's.</summary>
internal static class ClosedRequest
{
    /// <summary>The handler's answer, or 499, which nobody reads, where the request was cancelled.</summary>
    public static async Task<IResult> AnswerAsync(Task<IResult> answer, CancellationToken cancellationToken)
    {
        try
        {
            return await answer.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Results.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }
}
