using ContentSync.Ledger;
using ContentSync.Resync;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>POST /api/resyncs/{runId}/cancel: cancels a run permanently. Items it has already accepted into the ledger are still delivered.</summary>
public sealed class CancelResyncHandler(ResyncRuns runs, ResyncSources sources, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <returns>200 with the cancelled run, 404 unknown, 409 if it had already ended, 503 if the run store or the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(string runId, CancellationToken cancellationToken)
    {
        try
        {
            if (await runs.FindAsync(runId, cancellationToken).ConfigureAwait(false) is not { } before) return Problem.NoSuchRun(runId);
            if (!before.IsInProgress) return Ended(before);
            return await runs.CancelAsync(runId, cancellationToken).ConfigureAwait(false) switch
            {
                null => Problem.NoSuchRun(runId),
                { State: ResyncRunState.Cancelled } run =>
                    Results.Json(ResyncState.Of(run, sources, time.GetUtcNow()), ApiJson.Responses.ResyncState),
                { } run => Ended(run),
            };
        }
        catch (IOException e)
        {
            return Problem.RunsUnavailable(e);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    private static ProblemHttpResult Ended(ResyncRun run) => Problem.Of(
        StatusCodes.Status409Conflict,
        "Already ended.",
        $"Run {run.RunId} ended at {run.EndedAt:u} ({EnumText.Of(run.State)}); only a run in progress can be cancelled.");
}
