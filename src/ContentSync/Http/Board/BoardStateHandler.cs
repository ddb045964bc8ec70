using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Board;

/// <summary>GET /api/board/state: the figures that the board shows.</summary>
public sealed class BoardStateHandler(LedgerFiguresReader reader, CircuitBreaker gate, ResyncRuns resyncs, ResyncSources sources, TimeProvider time)
{
    /// <returns>200, or 503 where the ledger or the runs cannot be reached.</returns>
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var figures = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var runs = await resyncs.ListAsync(cancellationToken).ConfigureAwait(false);
            var now = time.GetUtcNow();
            var state = BoardState.Of(figures, gate.OpenState, now) with { Resyncs = BoardState.ToShow(runs, sources, now), ResyncSources = sources.Keys() };
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
    private const int MostEndedRuns = 5;

    public required DateTimeOffset Now { get; init; }

    /// <summary>When the ledger was read; counts of a large ledger are some time old.</summary>
    public required DateTimeOffset CountedAt { get; init; }

    /// <summary>Contents by pending, synchronized and parked.</summary>
    public required IReadOnlyDictionary<string, long> States { get; init; }

    /// <summary>Parked contents by rejected, attemptsExhausted and ageExceeded.</summary>
    public required IReadOnlyDictionary<string, long> ParkReasons { get; init; }

    /// <summary>Contents by template status, as AlipayHK wrote it.</summary>
    public required IReadOnlyDictionary<string, long> TemplateStatuses { get; init; }

    /// <summary>Contents that AlipayHK acknowledged in the minute before the count.</summary>
    public required long SynchronizedInTheLastMinute { get; init; }

    /// <summary>Absent where nothing is pending.</summary>
    public OldestPendingState? OldestPending { get; init; }

    /// <summary>The stop of all sending in force; absent while sending flows.</summary>
    public StopState? Stop { get; init; }

    /// <summary>The contents that failed last and are not synchronized since, newest first.</summary>
    public required IReadOnlyList<FailureState> Failures { get; init; }

    /// <summary>The resyncs under way and the last ones that ended, newest first.</summary>
    public IReadOnlyList<ResyncState> Resyncs { get; init; } = [];

    /// <summary>The words of the sources that a resync can be started of.</summary>
    public IReadOnlyList<string> ResyncSources { get; init; } = [];

    /// <summary>Of the remembered runs those that a board shows.</summary>
    internal static IReadOnlyList<ResyncState> ToShow(IReadOnlyList<ResyncRun> runs, ResyncSources sources, DateTimeOffset now)
    {
        var ended = runs.Where(run => !run.IsInProgress).Take(MostEndedRuns);
        return [.. runs.Where(run => run.IsInProgress).Concat(ended).Select(run => ResyncState.Of(run, sources, now))];
    }

    internal static BoardState Of(LedgerFigures figures, OpenCircuit? stop, DateTimeOffset now) => new()
    {
        Now = now,
        CountedAt = figures.At,
        States = figures.States,
        ParkReasons = figures.ParkReasons,
        TemplateStatuses = figures.TemplateStatuses,
        SynchronizedInTheLastMinute = figures.SynchronizedInTheLastMinute,
        OldestPending = figures.OldestPending is { } oldest ? new OldestPendingState(oldest.ContentId, oldest.AcceptedAt) : null,
        Stop = stop is null ? null : new StopState(EnumText.Of(stop.Cause), stop.Code, stop.Message, CodeAdvice.For(stop.Code), stop.Since, stop.NextProbe),
        Failures = [.. figures.NewestFailures.Select(FailureState.Of)],
    };
}

/// <param name="ContentId">The content that has waited longest.</param>
/// <param name="AcceptedAt">Since when.</param>
public sealed record OldestPendingState(string ContentId, DateTimeOffset AcceptedAt);

/// <param name="Cause">configurationFault or breaker.</param>
/// <param name="Code">Of the answer that stopped it.</param>
/// <param name="Message">Of that answer.</param>
/// <param name="Advice">What to do about it.</param>
/// <param name="Since">When it began.</param>
/// <param name="NextProbe">When one content is sent to see whether it is over.</param>
public sealed record StopState(string Cause, string Code, string Message, string Advice, DateTimeOffset Since, DateTimeOffset NextProbe);

/// <param name="ContentId">Which content.</param>
/// <param name="ContentType">Its type.</param>
/// <param name="State">pending or parked.</param>
/// <param name="ParkReason">Absent unless parked.</param>
/// <param name="Attempts">Attempts spent on its request.</param>
/// <param name="LastAttempt">How the newest one ended.</param>
/// <param name="Advice">What to do about its code.</param>
public sealed record FailureState(string ContentId, string ContentType, string State, string? ParkReason, int Attempts, AttemptState LastAttempt, string Advice)
{
    internal static FailureState Of(SyncRecord record)
    {
        var state = ContentState.Of(record);
        return new FailureState(state.ContentId, state.ContentType, state.State, state.ParkReason, state.Attempts, state.LastAttempt!, CodeAdvice.For(state.LastAttempt!.Code));
    }
}
