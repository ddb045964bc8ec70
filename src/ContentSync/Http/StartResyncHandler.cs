using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>POST /api/resyncs: starts a run that makes AlipayHK equal to the configured catalog, or sends again what the ledger holds.</summary>
public sealed class StartResyncHandler(ResyncRuns resyncs, ResyncSources sources, TimeProvider time)
{
    /// <summary>Where <see cref="GetResyncHandler"/> answers, below the host's route prefix.</summary>
    public const string StatusPath = "/api/resyncs/";

    private const int MaxBodyBytes = 16 * 1024;
    private const string Title = "The resync is not valid.";

    /// <returns>202 with the new run, 400, 413 or 415 for a body that is not understood, 409 where a run of this source is under way, 503 where it cannot be written down.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, refusal) = await RequestBody.ReadAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        ResyncRequest wish;
        try
        {
            wish = JsonSerializer.Deserialize(body.Span, ApiJson.Strict.ResyncRequest) ?? throw new JsonException("null is no resync.");
        }
        catch (JsonException e)
        {
            return Problem.Json(Title, e, "source, dryRun, allowDelist, again and, for the ledger, resend with pending, failed, unknownOutcome and olderThanDays");
        }

        if (wish.Fault() is { } fault) return Problem.Of(StatusCodes.Status400BadRequest, Title, fault);
        if (sources.Find(wish.Source) is not { } source)
            return Problem.Of(StatusCodes.Status400BadRequest, Title, $"No catalog is configured here. The local host takes one with --catalog FILE, the Functions host from the container of its settings. \"source\": \"{ResyncSources.LedgerKey}\" needs none.");
        try
        {
            var (run, isNew) = await resyncs.StartAsync(source, wish.ToParameters(), cancellationToken).ConfigureAwait(false);
            request.HttpContext.Response.Headers.Location = StatusPath + run.RunId;
            return isNew
                ? Results.Json(ResyncState.Of(run, sources, time.GetUtcNow()), ApiJson.Responses.ResyncState, statusCode: StatusCodes.Status202Accepted)
                : UnderWay(run, wish.Source);
        }
        catch (IOException e)
        {
            return Problem.RunsUnavailable(e);
        }
        catch (QueueUnavailableException e)
        {
            return Problem.Of(StatusCodes.Status503ServiceUnavailable, "Not begun yet.", $"The run is written down, but nobody could be told to begin it: {e.Message} It begins by itself; GET /api/resyncs shows it.");
        }
    }

    private static ProblemHttpResult UnderWay(ResyncRun run, string source) => TypedResults.Problem(
        $"Run {run.RunId} of the {source} has been under way since {run.RequestedAt:u}. Wait for its end, or cancel it with POST {StatusPath}{run.RunId}/cancel.",
        instance: StatusPath + run.RunId,
        statusCode: StatusCodes.Status409Conflict,
        title: "A run of this source is under way.");
}

/// <summary>What is asked of a run.</summary>
/// <param name="Source">catalog or ledger.</param>
/// <param name="DryRun">Plan only, and send nothing.</param>
/// <param name="AllowedDelistShare">Override of the guard: the share of the listed contents that may be delisted, or by which the catalog may have shrunk, 0 to 1.</param>
/// <param name="Again">Also where this very snapshot was handled already.</param>
/// <param name="Resend">Which contents, where the ledger is the source; without it all that are pending, failed or of unknown outcome.</param>
public sealed record ResyncRequest(string Source = ResyncSources.CatalogKey, bool DryRun = false, [property: JsonPropertyName("allowDelist")] double? AllowedDelistShare = null, bool Again = false, ResendRequest? Resend = null)
{
    /// <summary>What is wrong with it, in one sentence; null where nothing is.</summary>
    internal string? Fault() => this switch
    {
        { Source: not (ResyncSources.CatalogKey or ResyncSources.LedgerKey) } => $"source is '{Source}'; it is {ResyncSources.CatalogKey} or {ResyncSources.LedgerKey}.",
        { AllowedDelistShare: < 0 or > 1 } => FormattableString.Invariant($"allowDelist is {AllowedDelistShare}; it is a share from 0 to 1, for example 0.25."),
        { Source: ResyncSources.CatalogKey, Resend: not null } => $"resend is for \"source\": \"{ResyncSources.LedgerKey}\".",
        { Source: ResyncSources.LedgerKey, AllowedDelistShare: not null } or { Source: ResyncSources.LedgerKey, Again: true } => $"allowDelist and again are for \"source\": \"{ResyncSources.CatalogKey}\".",
        { Resend.OlderThanDays: <= 0 or > ResendRequest.MostDays } => FormattableString.Invariant($"olderThanDays is {Resend.OlderThanDays}; it is a number of days above 0, at most {ResendRequest.MostDays}."),
        { Resend: { Pending: false, Failed: false, UnknownOutcome: false, OlderThanDays: null } } => "resend names nothing; say true for at least one of pending, failed and unknownOutcome, or name olderThanDays.",
        _ => null,
    };

    internal ResyncParameters ToParameters() => new() { DryRun = DryRun, AllowedDelistShare = AllowedDelistShare, Again = Again, Resend = Resend?.ToFilter() };

    internal static ResyncRequest Of(ResyncParameters parameters, string source) => new(source, parameters.DryRun, parameters.AllowedDelistShare, parameters.Again, parameters.Resend is { } filter ? ResendRequest.Of(filter) : null);
}

/// <summary>Which contents of the ledger to send again; they add up.</summary>
/// <param name="Pending">Accepted, and not acknowledged yet.</param>
/// <param name="Failed">Given up on after every retry.</param>
/// <param name="UnknownOutcome">Sent at least once, and no answer told what AlipayHK holds now.</param>
/// <param name="OlderThanDays">Acknowledged longer ago than this.</param>
public sealed record ResendRequest(bool Pending = false, bool Failed = false, bool UnknownOutcome = false, double? OlderThanDays = null)
{
    internal const int MostDays = 36_500;

    internal ResendFilter ToFilter() => new()
    {
        Pending = Pending,
        Failed = Failed,
        UnknownOutcome = UnknownOutcome,
        OlderThan = OlderThanDays is { } days ? TimeSpan.FromDays(days) : null,
    };

    internal static ResendRequest Of(ResendFilter filter) => new(filter.Pending, filter.Failed, filter.UnknownOutcome, filter.OlderThan?.TotalDays);
}
