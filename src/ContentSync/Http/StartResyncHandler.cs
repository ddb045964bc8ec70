using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Catalog;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>
/// POST /api/resyncs: starts a run that brings AlipayHK in sync with the configured catalog, or sends items of the ledger again.
/// </summary>
public sealed class StartResyncHandler(ResyncRuns runs, ResyncSources sources, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Path of a run's state, to which its id is appended; served by <see cref="GetResyncHandler"/>.</summary>
    public const string StatusPath = "/api/resyncs/";

    private const int MaxBodyBytes = 16 * 1024;
    private const string Title = "The resync request is not valid.";

    /// <returns>
    /// 202 with the new run, 400, 413 or 415 for an invalid body, 409 if a run of this source is in progress, 503 if the run cannot be
    /// stored or enqueued.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, error) = await RequestBody.ReadAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        ResyncRequest resyncRequest;
        try
        {
            resyncRequest = JsonSerializer.Deserialize(body.Span, ApiJson.Strict.ResyncRequest)
                ?? throw new JsonException("null is not a resync request.");
        }
        catch (JsonException e)
        {
            return Problem.Json(
                Title,
                e,
                "source, dryRun, allowDelist, again, overrideNewer, asOf, expectedItems, expectedSha256 and, for the ledger, resend with pending, "
                + "failed, unknownOutcome and olderThanDays");
        }

        if (resyncRequest.Fault() is { } fault) return Problem.Of(StatusCodes.Status400BadRequest, Title, fault);
        if (sources.Find(resyncRequest.Source) is not { } source)
        {
            return Problem.Of(
                StatusCodes.Status400BadRequest,
                Title,
                "No catalog is configured. Start the local host with --catalog FILE, or set Catalog__ContainerUri for the Functions host. "
                + $"\"source\": \"{ResyncSources.LedgerKey}\" needs no catalog.");
        }

        try
        {
            var (run, isNew) = await runs.StartAsync(source, resyncRequest.ToParameters(), cancellationToken).ConfigureAwait(false);
            request.HttpContext.Response.Headers.Location = StatusPath + run.RunId;
            if (!isNew) return InProgress(run, resyncRequest.Source);
            var state = ResyncState.Of(run, sources, time.GetUtcNow());
            return Results.Json(state, ApiJson.Responses.ResyncState, statusCode: StatusCodes.Status202Accepted);
        }
        catch (IOException e)
        {
            return Problem.RunsUnavailable(e);
        }
        catch (QueueUnavailableException e)
        {
            return Problem.Of(
                StatusCodes.Status503ServiceUnavailable,
                "Not started yet.",
                $"The run is stored but could not be enqueued: {e.Message} It starts automatically later; GET /api/resyncs shows its progress.");
        }
    }

    private static ProblemHttpResult InProgress(ResyncRun run, string source) => TypedResults.Problem(
        $"Run {run.RunId} of the {source} has been in progress since {run.RequestedAt:u}. "
        + $"Wait for it to end, or cancel it with POST {StatusPath}{run.RunId}/cancel.",
        instance: StatusPath + run.RunId,
        statusCode: StatusCodes.Status409Conflict,
        title: "A run of this source is in progress.");
}

/// <summary>The parameters of a run.</summary>
/// <param name="Source">The configured catalog, or the ledger itself.</param>
/// <param name="DryRun">Plan only; send nothing.</param>
/// <param name="AllowedDelistShare">
/// Overrides the guard for this run: the share of listed items that may be delisted, or by which the catalog may have shrunk.
/// </param>
/// <param name="Again">Run even if this snapshot was already handled.</param>
/// <param name="OverrideNewer">The catalog wins regardless of what is newer (a rollback). The guard applies all the same.</param>
/// <param name="AsOf">As of when the catalog is; it takes precedence over what the catalog says.</param>
/// <param name="ExpectedItems">Number of items that the catalog must hold.</param>
/// <param name="ExpectedSha256">SHA-256 that the catalog's bytes must have, 64 hex digits.</param>
/// <param name="Resend">
/// Which items to send if the ledger is the source; if absent, those that are pending, failed or of unknown outcome.
/// </param>
public sealed record ResyncRequest(
    [property: AllowedValues(ResyncSources.CatalogKey, ResyncSources.LedgerKey)] string Source = ResyncSources.CatalogKey,
    bool DryRun = false,
    [property: JsonPropertyName("allowDelist"), Range(0d, 1d)] double? AllowedDelistShare = null,
    bool Again = false,
    bool OverrideNewer = false,
    DateTimeOffset? AsOf = null,
    long? ExpectedItems = null,
    string? ExpectedSha256 = null,
    ResendRequest? Resend = null)
{
    /// <summary>Whether it has members that only a catalog understands.</summary>
    internal bool IsForCatalog =>
        AllowedDelistShare is not null || Again || OverrideNewer || AsOf is not null || ExpectedItems is not null || ExpectedSha256 is not null;

    /// <summary>What is wrong with the request, in one sentence; null if it is valid.</summary>
    internal string? Fault() => this switch
    {
        { Source: not (ResyncSources.CatalogKey or ResyncSources.LedgerKey) } =>
            $"source is '{Source}'; it must be {ResyncSources.CatalogKey} or {ResyncSources.LedgerKey}.",
        { AllowedDelistShare: < 0 or > 1 } =>
            FormattableString.Invariant($"allowDelist is {AllowedDelistShare}; it must be a share from 0 to 1, for example 0.25."),
        { Source: ResyncSources.CatalogKey, Resend: not null } =>
            $"resend requires \"source\": \"{ResyncSources.LedgerKey}\".",
        { Source: ResyncSources.LedgerKey, IsForCatalog: true } =>
            $"allowDelist, again, overrideNewer, asOf, expectedItems and expectedSha256 require \"source\": \"{ResyncSources.CatalogKey}\".",
        { ExpectedItems: < 0 } => $"expectedItems is {ExpectedItems}; it must be the number of items, 0 or more.",
        { ExpectedSha256: { } digest } when !CatalogDeclaration.IsSha256(digest) => "expectedSha256 must be 64 hex digits.",
        { Resend.OlderThanDays: <= 0 or > ResendRequest.MaxDays } =>
            FormattableString.Invariant(
                $"olderThanDays is {Resend.OlderThanDays}; it must be a number of days above 0 and at most {ResendRequest.MaxDays}."),
        { Resend: { Pending: false, Failed: false, UnknownOutcome: false, OlderThanDays: null } } =>
            "resend selects nothing; set at least one of pending, failed and unknownOutcome to true, or give olderThanDays.",
        _ => null,
    };

    internal ResyncParameters ToParameters() => new()
    {
        DryRun = DryRun,
        AllowedDelistShare = AllowedDelistShare,
        Again = Again,
        OverrideNewer = OverrideNewer,
        AsOf = AsOf,
        ExpectedItems = ExpectedItems,
        ExpectedSha256 = ExpectedSha256?.ToLowerInvariant(),
        Resend = Resend?.ToFilter(),
    };

    internal static ResyncRequest Of(ResyncParameters parameters, string source) => new(
        source,
        parameters.DryRun,
        parameters.AllowedDelistShare,
        parameters.Again,
        parameters.OverrideNewer,
        parameters.AsOf,
        parameters.ExpectedItems,
        parameters.ExpectedSha256,
        parameters.Resend is { } filter ? ResendRequest.Of(filter) : null);
}

/// <summary>Which items of the ledger to send again. An item is sent if any of the conditions holds.</summary>
/// <param name="Pending">Accepted but not yet acknowledged.</param>
/// <param name="Failed">Parked after every retry failed; not those that AlipayHK rejected.</param>
/// <param name="UnknownOutcome">Sent at least once, but no response showed what AlipayHK holds now.</param>
/// <param name="OlderThanDays">Acknowledged more than this many days ago.</param>
public sealed record ResendRequest(
    bool Pending = false,
    bool Failed = false,
    bool UnknownOutcome = false,
    [property: Range(0d, ResendRequest.MaxDays, MinimumIsExclusive = true)] double? OlderThanDays = null)
{
    internal const int MaxDays = 36_500;

    internal ResendFilter ToFilter() => new()
    {
        Pending = Pending,
        Failed = Failed,
        UnknownOutcome = UnknownOutcome,
        OlderThan = OlderThanDays is { } days ? TimeSpan.FromDays(days) : null,
    };

    internal static ResendRequest Of(ResendFilter filter) => new(filter.Pending, filter.Failed, filter.UnknownOutcome, filter.OlderThan?.TotalDays);
}
