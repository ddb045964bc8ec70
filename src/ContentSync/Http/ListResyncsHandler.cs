using ContentSync.Ledger;
using ContentSync.Resync;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>GET /api/resyncs: the recent runs of all sources, newest first.</summary>
public sealed class ListResyncsHandler(ResyncRuns runs, ResyncSources sources, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <returns>200, or 503 if the run store or the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var recent = await runs.ListAsync(cancellationToken).ConfigureAwait(false);
            var now = time.GetUtcNow();
            return Results.Json(new ResyncList([.. recent.Select(run => ResyncState.Of(run, sources, now))]), ApiJson.Responses.ResyncList);
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

/// <summary>The recent runs.</summary>
/// <param name="Items">Newest first.</param>
public sealed record ResyncList(IReadOnlyList<ResyncState> Items);
