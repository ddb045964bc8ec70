using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Http;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Local.CommandLine;

/// <summary>Outcome of a resync.</summary>
public sealed record ResyncSummary
{
    public required ResyncRunState State { get; init; }

    public required string Message { get; init; }

    /// <summary>Line for which the file was refused; null when it was not.</summary>
    public long? Line { get; init; }

    public PlanCounts? Plan { get; init; }

    /// <summary>The first of the invalid items.</summary>
    public IReadOnlyList<ResyncIssue> Issues { get; init; } = [];

    /// <summary>Planned is the sum of the other counts and <see cref="Remaining"/>.</summary>
    public RunCounts? Run { get; init; }

    public long? Remaining { get; init; }

    /// <summary>Items per second.</summary>
    public double? Rate { get; init; }

    /// <summary>Failed items that are still waiting for a delayed retry.</summary>
    public int Retrying { get; init; }

    /// <summary>Failed items that a retry left parked.</summary>
    public long ParkedAfterRetry { get; init; }

    [JsonIgnore]
    public int ExitCode => State switch
    {
        ResyncRunState.NoSnapshot or ResyncRunState.Refused => ExitCodes.Unusable,
        ResyncRunState.Stopped or ResyncRunState.Sending or ResyncRunState.Planning or ResyncRunState.Cancelled => ExitCodes.Stopped,
        _ when Retrying > 0 => ExitCodes.Stopped,
        _ when ParkedAfterRetry + (Run?.Parked ?? 0) + (Plan?.Invalid ?? 0) > 0 => ExitCodes.SomeFailed,
        _ => ExitCodes.Done,
    };

    public static ResyncSummary Of(ResyncRun run, RetryWatch retries, DateTimeOffset now) => new()
    {
        State = run.State,
        Message = run.Message,
        Line = run.FaultLine,
        Plan = run.Plan,
        Issues = run.Issues,
        Run = run.StartedAt is null ? null : run.Counts,
        Remaining = run.StartedAt is null ? null : run.Remaining,
        Rate = run.StartedAt is null ? null : Math.Round(run.Rate(now), 1),
        Retrying = retries.Retrying,
        ParkedAfterRetry = retries.Parked,
    };

    /// <summary>For a run in a host, which keeps retrying the failed items.</summary>
    public static ResyncSummary Of(ResyncState run) => new()
    {
        State = EnumText.TryRead<ResyncRunState>(run.State, out var state)
            ? state
            : throw new CommandException($"The host reports the run state '{run.State}', which this version does not know. Update this program."),
        Message = run.Message,
        Line = run.FaultLine,
        Plan = run.Plan,
        Issues = run.Issues,
        Run = run.Counts is not { } counts ? null : new RunCounts
        {
            Planned = counts.Planned,
            Sent = counts.Sent,
            Unchanged = counts.Unchanged,
            Superseded = counts.Superseded,
            Failed = counts.Failed,
            Parked = counts.Parked,
        },
        Remaining = run.Counts?.Remaining,
        Rate = run.RatePerSecond,
        Retrying = (int)Math.Min(int.MaxValue, run.Counts?.Failed ?? 0),
    };

    public string ToJson() => JsonSerializer.Serialize(this, ResyncJson.Default.ResyncSummary);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ResyncSummary))]
internal sealed partial class ResyncJson : JsonSerializerContext;
