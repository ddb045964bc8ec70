using ContentSync.Resync;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>POST /api/resyncs/{runId}/cancel: ends a run for good. What it took into the ledger is still delivered.</summary>
public sealed class CancelResyncHandler(ResyncRuns resyncs, ResyncSources sources, TimeProvider time)
{
    /// <returns>200 with the cancelled run, 404 not remembered, 409 where it had ended, 503 where that cannot be written down.</returns>
    public async Task<IResult> HandleAsync(string runId, CancellationToken cancellationToken)
    {
        try
        {
            if (await resyncs.FindAsync(runId, cancellationToken).ConfigureAwait(false) is not { } before) return Problem.NoSuchRun(runId);
            if (!before.IsInProgress) return Ended(before);
            return await resyncs.CancelAsync(runId, cancellationToken).ConfigureAwait(false) switch
            {
                null => Problem.NoSuchRun(runId),
                { State: ResyncRunState.Cancelled } run => Results.Json(ResyncState.Of(run, sources, time.GetUtcNow()), ApiJson.Responses.ResyncState),
                { } run => Ended(run),
            };
        }
        catch (IOException e)
        {
            return Problem.RunsUnavailable(e);
        }
    }

    private static ProblemHttpResult Ended(ResyncRun run) =>
        Problem.Of(StatusCodes.Status409Conflict, "Ended already.", $"Run {run.RunId} is {EnumText.Of(run.State)} since {run.EndedAt:u}; only a run under way can be cancelled.");
}
