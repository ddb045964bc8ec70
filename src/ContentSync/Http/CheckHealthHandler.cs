using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/health: 200 while items can be taken in; 503 while the ledger cannot be reached. A stop of sending is told but does not make it unhealthy: items are still accepted.</summary>
public sealed class CheckHealthHandler(ISyncLedger ledger, CircuitBreaker gate)
{
    // Not a contentId that anybody has: a read that finds nothing shows that the ledger answers.
    private const string Nobody = "\u0001health";

    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ledger.FindAsync(Nobody, cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }

        var stop = gate.OpenState;
        var state = stop is null
            ? new HealthState("ok", null)
            : new HealthState("stopped", $"Sending to AlipayHK has been stopped since {stop.Since:u} ({stop.Cause}, {stop.Code}): {stop.Message} Items are still accepted; the next probe is at {stop.NextProbe:u}.");
        return Results.Json(state, ApiJson.Responses.HealthState);
    }
}

/// <param name="Sending">ok, or stopped.</param>
/// <param name="Detail">Why it is stopped.</param>
public sealed record HealthState(string Sending, string? Detail);
