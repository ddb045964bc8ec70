using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Catalog;
using ContentSync.Http;
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

    /// <summary>Items of the ledger that are pending, whichever run or input left them so.</summary>
    public long Retrying { get; init; }

    /// <summary>Items of the ledger that are parked: AlipayHK does not hold their newest version.</summary>
    public long Parked { get; init; }

    /// <summary>The first items that are pending or parked.</summary>
    public IReadOnlyList<ResyncOpenItem> Open { get; init; } = [];

    /// <summary>The first items that the catalog holds more than once.</summary>
    public IReadOnlyList<ResyncDuplicate> Duplicates { get; init; } = [];

    /// <summary>contentIds of the first items that were not sent because a newer version was accepted before.</summary>
    public IReadOnlyList<string> Newer { get; init; } = [];

    /// <summary>As of when the catalog is; its lines count as changed at that time.</summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>Where <see cref="AsOf"/> comes from.</summary>
    public AsOfSource AsOfSource { get; init; }

    /// <summary>Why the report file is incomplete; null if it is complete.</summary>
    [JsonIgnore]
    public string? ReportFault { get; init; }

    [JsonIgnore]
    public int ExitCode => State switch
    {
        ResyncRunState.NoSnapshot or ResyncRunState.Refused => ExitCodes.Unusable,
        ResyncRunState.Stopped or ResyncRunState.Sending or ResyncRunState.Planning or ResyncRunState.Cancelled => ExitCodes.Stopped,
        _ when Retrying > 0 || ReportFault is not null => ExitCodes.Stopped,
        _ when Parked + (Run?.Parked ?? 0) + (Run?.Superseded ?? 0) > 0 => ExitCodes.SomeFailed,
        _ when Plan is { Invalid: > 0 } or { DuplicatesDiffering: > 0 } or { Newer: > 0 } or { AbsentNewer: > 0 } => ExitCodes.SomeFailed,
        _ => ExitCodes.Done,
    };

    public static ResyncSummary Of(ResyncRun run, DateTimeOffset now) => new()
    {
        State = run.State,
        Message = run.Message,
        Line = run.FaultLine,
        Plan = run.Plan,
        Issues = run.Issues,
        Run = run.StartedAt is null ? null : run.Counts,
        Remaining = run.StartedAt is null ? null : run.Remaining,
        Rate = run.StartedAt is null ? null : Math.Round(run.Rate(now), 1),
        Retrying = run.Open?.Pending ?? 0,
        Parked = run.Open?.Parked ?? 0,
        Open = run.Open is { } open ? ResyncOpenItems.Of(open).Items : [],
        Duplicates = run.Duplicates,
        Newer = run.Newer,
        AsOf = run.Source == ResyncSources.LedgerKey ? null : run.AsOf,
        AsOfSource = run.AsOfSource,
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
        Retrying = run.Open?.Pending ?? run.Counts?.Failed ?? 0,
        Parked = run.Open?.Parked ?? 0,
        Open = run.Open?.Items ?? [],
        Duplicates = run.Duplicates,
        Newer = run.Newer,
        AsOf = run.SnapshotAsOf,
        AsOfSource = EnumText.TryRead<AsOfSource>(run.SnapshotAsOfSource ?? "", out var source) ? source : AsOfSource.TimeWritten,
    };

    public string ToJson() => JsonSerializer.Serialize(this, ResyncJson.Default.ResyncSummary);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ResyncSummary))]
internal sealed partial class ResyncJson : JsonSerializerContext;
