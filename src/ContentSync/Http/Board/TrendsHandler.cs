using ContentSync.Diagnostics.Trends;
using ContentSync.Http.Description;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Board;

/// <summary>Length of the time that trends show.</summary>
public enum TrendWindow
{
    /// <summary>60 steps of a minute.</summary>
    Hour,

    /// <summary>96 steps of 15 minutes.</summary>
    Day,
}

/// <summary>GET /api/trends: what all instances did lately, in equal steps of time.</summary>
public sealed class TrendsHandler(TrendReader reader)
{
    private const string Window = "window";

    internal static readonly IReadOnlyList<ParameterDescription> Parameters =
    [
        ParameterDescription.Query(Window, "hour, which is the default, by the minute; day by 15 minutes.") with { Type = typeof(TrendWindow) },
    ];

    /// <returns>200, 400 if the query is not valid, 503 if the store is unavailable.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.Query.Keys.FirstOrDefault(name => name != Window) is { } unknown)
            return Problem.Query($"Unknown parameter '{unknown}'; the parameter is {Window}.");
        var window = TrendWindow.Hour;
        if (request.Query[Window].ToString() is { Length: > 0 } text && !EnumText.TryRead(text, out window))
            return Problem.Query(Window, text, $"one of {EnumText.All<TrendWindow>()}");
        try
        {
            var series = window == TrendWindow.Hour
                ? await reader.ReadAsync(TimeSpan.FromMinutes(1), 60, cancellationToken).ConfigureAwait(false)
                : await reader.ReadAsync(TimeSpan.FromMinutes(15), 96, cancellationToken).ConfigureAwait(false);
            return Results.Json(TrendsState.Of(series), ApiJson.Responses.TrendsState);
        }
        catch (TrendsUnavailableException e)
        {
            return Problem.Of(StatusCodes.Status503ServiceUnavailable, "The trends are unavailable.", e.Message);
        }
    }
}

/// <summary>What all instances did lately.</summary>
/// <param name="From">Start of the first step.</param>
/// <param name="To">End of the last step: the last full minute that every instance has reported.</param>
/// <param name="StepSeconds">Length of a step.</param>
/// <param name="Steps">The steps, oldest first; also those in which nothing happened.</param>
public sealed record TrendsState(DateTimeOffset From, DateTimeOffset To, int StepSeconds, IReadOnlyList<TrendStep> Steps)
{
    internal static TrendsState Of(TrendSeries series) => new(
        series.From, series.To, (int)series.Step.TotalSeconds, [.. series.Steps.Select(step => TrendStep.Of(step, series.Step))]);
}

/// <summary>One step.</summary>
/// <param name="At">Its start.</param>
/// <param name="Outcomes">
/// Attempts by the code of their result: at most 12 codes, the most frequent of the whole time; (other) for the rest.
/// </param>
/// <param name="Requests">Requests to AlipayHK, immediate retries included.</param>
/// <param name="RequestsPerSecond">The same, per second.</param>
/// <param name="BudgetPerSecond">Highest send budget of all instances together; absent without a limit, and if no instance was sending.</param>
/// <param name="Signing">Duration of signing; absent if nothing was signed.</param>
/// <param name="AlipayHk">Time until AlipayHK's response begins; absent without a request.</param>
/// <param name="OldestPendingSeconds">
/// Highest age of the oldest item that was pending past its due time, as the sweep found it; 0 without one, absent if the sweep did not run.
/// </param>
/// <param name="Backlog">Highest number of pending items; absent if the sweep did not run.</param>
public sealed record TrendStep(
    DateTimeOffset At,
    IReadOnlyDictionary<string, long> Outcomes,
    long Requests,
    double RequestsPerSecond,
    double? BudgetPerSecond,
    LatencyState? Signing,
    LatencyState? AlipayHk,
    double? OldestPendingSeconds,
    long? Backlog)
{
    internal static TrendStep Of(TrendMinute step, TimeSpan length) => new(
        step.At,
        new SortedDictionary<string, long>(step.Outcomes.ToDictionary(), StringComparer.Ordinal),
        step.AlipayHk.Total,
        Math.Round(step.AlipayHk.Total / length.TotalSeconds, 2),
        step.BudgetPerSecond,
        LatencyState.Of(step.Signing),
        LatencyState.Of(step.AlipayHk),
        step.OldestPending is { } oldest ? Math.Round(oldest.TotalSeconds) : null,
        step.Backlog);
}

/// <summary>Durations, within a fifth.</summary>
/// <param name="MedianSeconds">Half of them took no longer.</param>
/// <param name="P95Seconds">95 % of them took no longer.</param>
public sealed record LatencyState(double MedianSeconds, double P95Seconds)
{
    internal static LatencyState? Of(LatencyCounts counts) => counts.Quantile(0.5) is { } median && counts.Quantile(0.95) is { } p95
        ? new LatencyState(Math.Round(median, 5), Math.Round(p95, 5))
        : null;
}
