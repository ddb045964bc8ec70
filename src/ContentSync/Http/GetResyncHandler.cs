using ContentSync.Resync;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/resyncs/{runId}: how one run stands.</summary>
public sealed class GetResyncHandler(ResyncRuns resyncs, ResyncSources sources, TimeProvider time)
{
    /// <returns>200, 404 not remembered, 503 where the runs cannot be read.</returns>
    public async Task<IResult> HandleAsync(string runId, CancellationToken cancellationToken)
    {
        try
        {
            return await resyncs.FindAsync(runId, cancellationToken).ConfigureAwait(false) is { } run
                ? Results.Json(ResyncState.Of(run, sources, time.GetUtcNow()), ApiJson.Responses.ResyncState)
                : Problem.NoSuchRun(runId);
        }
        catch (IOException e)
        {
            return Problem.RunsUnavailable(e);
        }
    }
}
