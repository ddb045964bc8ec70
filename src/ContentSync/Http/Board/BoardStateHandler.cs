using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using ContentSync.Budget;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Board;

/// <summary>GET /api/board/state: the figures that the board shows.</summary>
public sealed class BoardStateHandler(
    LedgerFiguresReader reader,
    SharedCircuitBreaker breaker,
    SendSwitch sendSwitch,
    SendBudget budget,
    ResyncRuns runs,
    ResyncSources sources,
    [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <returns>200, or 503 if the ledger or the run store is unavailable.</returns>
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var figures = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var recent = await runs.ListAsync(cancellationToken).ConfigureAwait(false);
            var sending = await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false);
            var now = time.GetUtcNow();
            var state = BoardState.Of(figures, await breaker.OpenStateAsync(cancellationToken).ConfigureAwait(false), now) with
            {
                Pauses = PauseState.Of(sending),
                Budget = BudgetState.Of(sendSwitch, budget.Ceiling),
                Resyncs = BoardState.ToShow(recent, sources, now),
                ResyncSources = sources.Keys(),
            };
            return Results.Json(state, ApiJson.Responses.BoardState);
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

/// <summary>What the board shows.</summary>
public sealed record BoardState
{
    private const int MaxEndedRuns = 5;

    /// <summary>The host's clock.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>
    /// When the oldest of the counts began. Up to 10,000 items that are not in sync are counted for the board itself; in the cloud,
    /// everything else once a day, and more of them every ten minutes.
    /// </summary>
    public required DateTimeOffset CountedAt { get; init; }

    /// <summary>False in the cloud until everything has been counted once; the numbers of synchronized items are too low until then.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>Items by state: pending, synchronized, parked and tombstone.</summary>
    public required IReadOnlyDictionary<string, long> States { get; init; }

    /// <summary>Parked items by reason: rejected, attemptsExhausted and ageExceeded.</summary>
    public required IReadOnlyDictionary<string, long> ParkReasons { get; init; }

    /// <summary>
    /// Items of which AlipayHK holds an older version, because a newer one is not valid; list them with <c>GET /api/content?stale=true</c>.
    /// </summary>
    public required long Stale { get; init; }

    /// <summary>The stale item whose newer version was refused first; absent if there is none.</summary>
    public StaleItemState? OldestStale { get; init; }

    /// <summary>Items by contentType; <c>(tombstone)</c> are ids that were delisted and never accepted, and so have no type.</summary>
    public required IReadOnlyDictionary<string, long> Types { get; init; }

    /// <summary>Items by template status, as AlipayHK spells it.</summary>
    public required IReadOnlyDictionary<string, long> TemplateStatuses { get; init; }

    /// <summary>Items that AlipayHK acknowledged in the last minute; absent in the cloud, where no instance knows it.</summary>
    public long? SynchronizedInTheLastMinute { get; init; }

    /// <summary>Absent if nothing is pending.</summary>
    public OldestPendingState? OldestPending { get; init; }

    /// <summary>The open circuit breaker; absent while it is closed.</summary>
    [JsonPropertyName("stop")]
    public OpenCircuitState? OpenCircuit { get; init; }

    /// <summary>How much of the send budget is in use; absent without a limit.</summary>
    public BudgetState? Budget { get; init; }

    /// <summary>The pauses in force.</summary>
    public IReadOnlyList<PauseState> Pauses { get => field ?? []; init; }

    /// <summary>
    /// Why items are not in sync: at most 20 groups of items with the same park reason and result code, the most frequent first.
    /// </summary>
    public required IReadOnlyList<CauseState> Causes { get; init; }

    /// <summary>The items that failed last and have not been synchronized since, newest first.</summary>
    public required IReadOnlyList<FailureState> Failures { get; init; }

    /// <summary>The resyncs in progress, then the last ones that ended, newest first.</summary>
    public IReadOnlyList<ResyncState> Resyncs { get => field ?? []; init; }

    /// <summary>The sources that a resync can be started for: catalog, ledger or both.</summary>
    public IReadOnlyList<string> ResyncSources { get => field ?? []; init; }

    /// <summary>Selects the runs that the board shows.</summary>
    internal static IReadOnlyList<ResyncState> ToShow(IReadOnlyList<ResyncRun> runs, ResyncSources sources, DateTimeOffset now)
    {
        var ended = runs.Where(run => !run.IsInProgress).Take(MaxEndedRuns);
        return [.. runs.Where(run => run.IsInProgress).Concat(ended).Select(run => ResyncState.Of(run, sources, now))];
    }

    internal static BoardState Of(LedgerFigures figures, OpenCircuit? open, DateTimeOffset now) => new()
    {
        Now = now,
        CountedAt = figures.At,
        IsComplete = figures.IsComplete,
        States = figures.States,
        ParkReasons = figures.ParkReasons,
        Stale = figures.Stale,
        OldestStale = figures.OldestStale is { Refused: { } refused } stale
            ? new StaleItemState(stale.ContentId, refused.At, refused.Code, refused.Message)
            : null,
        Types = figures.Types,
        TemplateStatuses = figures.TemplateStatuses,
        SynchronizedInTheLastMinute = figures.SynchronizedInTheLastMinute,
        OldestPending = figures.OldestPending is { } oldest ? new OldestPendingState(oldest.ContentId, oldest.AcceptedAt) : null,
        OpenCircuit = open is null ? null : OpenCircuitState.Of(open),
        Causes = [.. figures.Causes.Select(CauseState.Of)],
        Failures = [.. figures.NewestFailures.Select(FailureState.Of)],
    };
}

/// <summary>An item of which AlipayHK holds an older version.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="Since">When a newer version was refused first.</param>
/// <param name="Code">Code of the first violation of the refused version.</param>
/// <param name="Message">What is wrong with it and what would be right.</param>
public sealed record StaleItemState(string ContentId, DateTimeOffset Since, string Code, string Message);

/// <summary>The item that has been pending for the longest time.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="AcceptedAt">When it was accepted.</param>
public sealed record OldestPendingState(string ContentId, DateTimeOffset AcceptedAt);

/// <summary>Why the circuit breaker is open.</summary>
/// <param name="Cause">Why the circuit breaker is open.</param>
/// <param name="Code">Code of the result that tripped it.</param>
/// <param name="Message">Message of that result.</param>
/// <param name="Advice">What to do about the code.</param>
/// <param name="Since">When it tripped.</param>
/// <param name="NextProbe">When the next probe is sent.</param>
public sealed record OpenCircuitState(
    [property: EnumDataType(typeof(TripCause))] string Cause,
    string Code,
    string Message,
    string Advice,
    DateTimeOffset Since,
    DateTimeOffset NextProbe)
{
    internal static OpenCircuitState Of(OpenCircuit open) =>
        new(EnumText.Of(open.Cause), open.Code, open.Message, CodeAdvice.For(open.Code), open.Since, open.NextProbe);
}

/// <summary>Items that are not in sync for the same reason.</summary>
/// <param name="Code">Code of each item's last attempt.</param>
/// <param name="State">pending or parked.</param>
/// <param name="ParkReason">Absent unless parked.</param>
/// <param name="Count">How many items.</param>
/// <param name="Since">When the earliest of their last attempts ended.</param>
/// <param name="Newest">When the newest of their last attempts ended.</param>
/// <param name="Message">Message of the newest one.</param>
/// <param name="ContentIds">Up to three of the items, newest first.</param>
/// <param name="Advice">What to do about the code.</param>
public sealed record CauseState(
    string Code,
    [property: EnumDataType(typeof(SyncState))] string State,
    [property: EnumDataType(typeof(ParkReason))] string? ParkReason,
    long Count,
    DateTimeOffset Since,
    DateTimeOffset Newest,
    string Message,
    IReadOnlyList<string> ContentIds,
    string Advice)
{
    internal static CauseState Of(FailureCause cause)
    {
        var newest = cause.Examples[0].LastAttempt!;
        var state = cause.ParkReason is null ? SyncState.Pending : SyncState.Parked;
        var reason = cause.ParkReason is { } parked ? EnumText.Of(parked) : null;
        string[] ids = [.. cause.Examples.Select(example => example.ContentId)];
        return new CauseState(
            cause.Code, EnumText.Of(state), reason, cause.Count, cause.Since, newest.At, newest.Message, ids, CodeAdvice.For(cause.Code));
    }
}

/// <summary>An item whose last attempt failed.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="ContentType">The item's contentType.</param>
/// <param name="State">pending or parked; never synchronized.</param>
/// <param name="ParkReason">Absent unless parked.</param>
/// <param name="Attempts">Attempts spent on the current version.</param>
/// <param name="LastAttempt">How the last attempt ended.</param>
/// <param name="Advice">What to do about its code.</param>
public sealed record FailureState(
    string ContentId,
    string ContentType,
    [property: EnumDataType(typeof(SyncState))] string State,
    [property: EnumDataType(typeof(ParkReason))] string? ParkReason,
    int Attempts,
    AttemptState LastAttempt,
    string Advice)
{
    internal static FailureState Of(ListedItem record)
    {
        var state = ContentState.Of(record);
        var last = state.LastAttempt!;
        return new FailureState(
            state.ContentId, state.ContentType ?? "", state.State, state.ParkReason, state.Attempts, last, CodeAdvice.For(last.Code));
    }
}
