using ContentSync.Resync;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/resyncs: the remembered runs of all sources, newest first.</summary>
public sealed class ListResyncsHandler(ResyncRuns resyncs, ResyncSources sources, TimeProvider time)
{
    /// <returns>200, or 503 where the runs cannot be read.</returns>
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var runs = await resyncs.ListAsync(cancellationToken).ConfigureAwait(false);
            var now = time.GetUtcNow();
            return Results.Json(new ResyncList([.. runs.Select(run => ResyncState.Of(run, sources, now))]), ApiJson.Responses.ResyncList);
        }
        catch (IOException e)
        {
            return Problem.RunsUnavailable(e);
        }
    }
}

/// <summary>The remembered runs.</summary>
/// <param name="Items">Newest first.</param>
public sealed record ResyncList(IReadOnlyList<ResyncState> Items);
