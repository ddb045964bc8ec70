using System.Text.Json.Serialization;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Http;

/// <summary>What the API says of one run.</summary>
public sealed record ResyncState
{
    /// <summary>32 hex digits.</summary>
    public required string RunId { get; init; }

    /// <summary>catalog or ledger; absent where its source is not configured any more.</summary>
    public string? Source { get; init; }

    /// <summary>The source's own name.</summary>
    public required string SourceName { get; init; }

    /// <summary>planning, sending, completed, planned, cancelled, noSnapshot, handledAlready, refused or stopped.</summary>
    public required string State { get; init; }

    /// <summary>What is going on, or how it ended.</summary>
    public required string Message { get; init; }

    /// <summary>What was asked for.</summary>
    [JsonPropertyName("wish")]
    public required ResyncRequest Parameters { get; init; }

    /// <summary>Absent until it is planned.</summary>
    public string? Snapshot { get; init; }

    public DateTimeOffset? SnapshotWrittenAt { get; init; }

    /// <summary>Where the snapshot was refused, the line of its fault.</summary>
    public long? FaultLine { get; init; }

    /// <summary>Absent until it is planned.</summary>
    public PlanCounts? Plan { get; init; }

    /// <summary>Absent until it sends.</summary>
    public ResyncCounts? Counts { get; init; }

    /// <summary>Since sending began.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>At the rate so far; absent where that cannot be told.</summary>
    public DateTimeOffset? EstimatedEnd { get; init; }

    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When sending began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The first of the unsound items, which the run leaves alone.</summary>
    public IReadOnlyList<ResyncIssue> Issues { get; init; } = [];

    internal static ResyncState Of(ResyncRun run, ResyncSources sources, DateTimeOffset now)
    {
        var word = sources.KeyFor(run.Source);
        var hasBegun = run.StartedAt is not null;
        return new ResyncState
        {
            RunId = run.RunId,
            Source = word,
            SourceName = run.Source,
            State = EnumText.Of(run.State),
            Message = run.Message,
            Parameters = ResyncRequest.Of(run.Parameters, word ?? ResyncSources.CatalogKey),
            Snapshot = run.Snapshot,
            SnapshotWrittenAt = run.Source == ResyncSources.LedgerKey ? null : run.WrittenAt,
            FaultLine = run.FaultLine,
            Plan = run.Plan,
            Counts = hasBegun ? ResyncCounts.Of(run) : null,
            RatePerSecond = hasBegun ? Math.Round(run.Rate(now), 1) : null,
            EstimatedEnd = run.EstimatedEnd(now),
            RequestedAt = run.RequestedAt,
            StartedAt = run.StartedAt,
            UpdatedAt = run.UpdatedAt,
            EndedAt = run.EndedAt,
            Issues = run.Issues,
        };
    }
}

/// <summary>What became of what was planned; the members after Planned add up to it.</summary>
/// <param name="Planned">Items to be sent and contents to be delisted.</param>
/// <param name="Sent">Acknowledged by AlipayHK.</param>
/// <param name="Unchanged">In step before its turn came.</param>
/// <param name="Superseded">Something newer was accepted meanwhile; not sent.</param>
/// <param name="Failed">Did not succeed at once and left the run; retried by itself, with its own back-off.</param>
/// <param name="Parked">Rejected by AlipayHK or given up on.</param>
/// <param name="Remaining">Not accounted for yet.</param>
public sealed record ResyncCounts(long Planned, long Sent, long Unchanged, long Superseded, long Failed, long Parked, long Remaining)
{
    internal static ResyncCounts Of(ResyncRun run) =>
        new(run.Counts.Planned, run.Counts.Sent, run.Counts.Unchanged, run.Counts.Superseded, run.Counts.Failed, run.Counts.Parked, run.Remaining);
}
