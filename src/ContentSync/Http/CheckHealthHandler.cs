using System.ComponentModel.DataAnnotations;
using ContentSync.Budget;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// GET /api/health: 200 while items can be accepted, 503 while the ledger is unavailable, such as with a full disk. An open circuit breaker
/// or a pause is reported but is not unhealthy, because items are still accepted.
/// </summary>
public sealed class CheckHealthHandler(ISyncLedger ledger, SharedCircuitBreaker breaker, SendSwitch sendSwitch)
{
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ledger.CheckAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }

        var pauses = PauseState.Of(await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false));
        if (pauses.Count > 0)
        {
            var paused = new HealthState(HealthState.Paused, string.Join(" ", pauses.Select(pause => pause.Sentence())));
            return Results.Json(paused, ApiJson.Responses.HealthState);
        }

        var open = await breaker.OpenStateAsync(cancellationToken).ConfigureAwait(false);
        var state = open is null
            ? new HealthState(HealthState.Ok, null)
            : new HealthState(
                HealthState.Stopped,
                $"The circuit breaker has been open since {open.Since:u} ({open.Cause}, {open.Code}): {open.Message} "
                + $"Items are still accepted; the next probe is at {open.NextProbe:u}.");
        return Results.Json(state, ApiJson.Responses.HealthState);
    }
}

/// <summary>Whether items can be accepted and sent.</summary>
/// <param name="Sending">ok, stopped while the circuit breaker is open, or paused while an operator paused all or some of it.</param>
/// <param name="Detail">Why it is stopped or paused; absent otherwise.</param>
public sealed record HealthState(
    [property: AllowedValues(HealthState.Ok, HealthState.Stopped, HealthState.Paused)] string Sending, string? Detail)
{
    internal const string Ok = "ok";
    internal const string Stopped = "stopped";
    internal const string Paused = "paused";
}
