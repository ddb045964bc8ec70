using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;

namespace ContentSync.Local.CommandLine;

/// <summary>What a resync came to.</summary>
public sealed record ResyncSummary
{
    public required ResyncVerdict Verdict { get; init; }

    public required string Message { get; init; }

    /// <summary>Where a file was refused, the line of its fault.</summary>
    public long? Line { get; init; }

    public PlanCounts? Plan { get; init; }

    /// <summary>Planned is the sum of the others and of <see cref="Remaining"/>.</summary>
    public RunCounts? Run { get; init; }

    public long? Remaining { get; init; }

    /// <summary>Items per second.</summary>
    public double? Rate { get; init; }

    /// <summary>Of the failed ones, how many still wait for a retry.</summary>
    public int Retrying { get; init; }

    /// <summary>Of the failed ones, how many ended rejected or given up on.</summary>
    public long ParkedAfterRetry { get; init; }

    [JsonIgnore]
    public int ExitCode => Verdict switch
    {
        ResyncVerdict.NoSnapshot or ResyncVerdict.Refused => ExitCodes.Unusable,
        ResyncVerdict.Stopped or ResyncVerdict.Interrupted => ExitCodes.Stopped,
        _ when Retrying > 0 => ExitCodes.Stopped,
        _ when ParkedAfterRetry + (Run?.Parked ?? 0) + (Plan?.Invalid ?? 0) > 0 => ExitCodes.SomeFailed,
        _ => ExitCodes.Done,
    };

    public static ResyncSummary Of(ResyncAnswer answer, RetryWatch retries, DateTimeOffset now) => new()
    {
        Verdict = answer.Verdict,
        Message = answer.Message,
        Line = answer.Fault?.Line,
        Plan = answer.Plan,
        Run = answer.Run?.Counts,
        Remaining = answer.Run?.Remaining,
        Rate = answer.Run is { } run ? Math.Round(run.Rate(now), 1) : null,
        Retrying = retries.Open,
        ParkedAfterRetry = retries.Parked,
    };

    public string ToJson() => JsonSerializer.Serialize(this, ResyncJson.Default.ResyncSummary);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ResyncSummary))]
internal sealed partial class ResyncJson : JsonSerializerContext;
