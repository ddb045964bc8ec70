using ContentSync.Ledger;
using ContentSync.Resync;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>GET /api/resyncs/{runId}: the state of one run.</summary>
public sealed class GetResyncHandler(ResyncRuns runs, ResyncSources sources, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <returns>200, 404 unknown, 503 if the run store or the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(string runId, CancellationToken cancellationToken)
    {
        try
        {
            return await runs.FindAsync(runId, cancellationToken).ConfigureAwait(false) is { } run
                ? Results.Json(ResyncState.Of(run, sources, time.GetUtcNow()), ApiJson.Responses.ResyncState)
                : Problem.NoSuchRun(runId);
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
}
