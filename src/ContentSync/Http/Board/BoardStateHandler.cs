using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Board;

/// <summary>GET /api/board/state: the figures that the board shows.</summary>
public sealed class BoardStateHandler(LedgerFiguresReader reader, SendGate gate, TimeProvider time)
{
    /// <returns>200, or 503 where the ledger cannot be reached.</returns>
    public async Task<IResult> HandleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var figures = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            return Results.Json(BoardState.Of(figures, gate.Stop, time.GetUtcNow()), ApiJson.Answers.BoardState);
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

    internal static BoardState Of(LedgerFigures figures, SendStop? stop, DateTimeOffset now) => new()
    {
        Now = now,
        CountedAt = figures.At,
        States = figures.States,
        ParkReasons = figures.ParkReasons,
        TemplateStatuses = figures.TemplateStatuses,
        SynchronizedInTheLastMinute = figures.SynchronizedInTheLastMinute,
        OldestPending = figures.OldestPending is { } oldest ? new OldestPendingState(oldest.ContentId, oldest.AcceptedAt) : null,
        Stop = stop is null ? null : new StopState(Spelling.Of(stop.Cause), stop.Code, stop.Message, CodeAdvice.For(stop.Code), stop.Since, stop.NextProbe),
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
