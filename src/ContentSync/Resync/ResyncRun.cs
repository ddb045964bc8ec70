using System.Text.Json.Serialization;
using ContentSync.Catalog;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Resync;

/// <summary>One run: what it was to do, how far it has come, and how it ended.</summary>
public sealed record ResyncRun
{
    /// <summary>32 hex digits.</summary>
    public required string RunId { get; init; }

    /// <summary><see cref="ICatalogSource.Name"/>.</summary>
    public required string Source { get; init; }

    /// <summary>What was asked for.</summary>
    [JsonPropertyName("wish")]
    public required ResyncParameters Parameters { get; init; }

    public required ResyncRunState State { get; init; }

    /// <summary>A sentence or two for people: what is going on, or how it ended.</summary>
    public required string Message { get; init; }

    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When it was last written; a run under way whose time is long past was left by whoever had it.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When sending began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary><see cref="ICatalogSnapshot.Name"/>; null until it is planned.</summary>
    public string? Snapshot { get; init; }

    /// <summary><see cref="ICatalogSnapshot.Digest"/>.</summary>
    public string? Digest { get; init; }

    /// <summary><see cref="ICatalogSnapshot.WrittenAt"/>.</summary>
    public DateTimeOffset? WrittenAt { get; init; }

    /// <summary>Null until it is planned, and where the snapshot was refused.</summary>
    public PlanCounts? Plan { get; init; }

    /// <summary>Of the plan that is kept while it is being sent. Not the run's own: two who plan the same run at the same time may find different things, and only one of them owns it then.</summary>
    public string? PlanId { get; init; }

    /// <summary>Where the snapshot was refused, the line of its fault, from 1.</summary>
    public long? FaultLine { get; init; }

    /// <summary>The first of the unsound items.</summary>
    public IReadOnlyList<ResyncIssue> Issues { get; init; } = [];

    /// <summary>Lanes and items per pack that it was begun with: what is already handed over must not be cut anew.</summary>
    public int Lanes { get; init; }

    /// <summary>See <see cref="Lanes"/>.</summary>
    public int ItemsPerPack { get; init; }

    /// <summary>Pages that are finished; the run goes on with the next one after a kill.</summary>
    public long Pages { get; init; }

    /// <summary>Packs handed over in each lane.</summary>
    public IReadOnlyList<long> LanePacks { get; init; } = [];

    /// <summary>All packs are handed over; what is left is to hear of them.</summary>
    [JsonPropertyName("isHandedOver")]
    public bool IsFullySent { get; init; }

    /// <summary>What the runner itself accounted for; <see cref="IPackLanes.CountsAsync"/> knows what the lanes did beside it.</summary>
    public RunCounts Counts { get; init; } = new();

    /// <summary>What the lanes had accounted for at the last look, once everything was handed over to them.</summary>
    public long LanesDone { get; init; }

    /// <summary>Packs handed over; each is one message, one execution and one settlement where a broker carries them.</summary>
    [JsonIgnore]
    public long Packs => LanePacks.Sum();

    /// <summary>Asked for, planned or sending: no other run of this source begins meanwhile.</summary>
    [JsonIgnore]
    public bool IsInProgress => State is ResyncRunState.Planning or ResyncRunState.Sending;

    /// <summary>Planned and not accounted for yet.</summary>
    [JsonIgnore]
    public long Remaining => Counts.Planned - Counts.Done;

    /// <summary>Items per second since sending began; 0 before the first page.</summary>
    public double Rate(DateTimeOffset now) => StartedAt is { } start && (EndedAt ?? now) > start ? Counts.Done / ((EndedAt ?? now) - start).TotalSeconds : 0;

    /// <summary>When it will be done at the rate so far; null where that cannot be told.</summary>
    public DateTimeOffset? EstimatedEnd(DateTimeOffset now) =>
        State == ResyncRunState.Sending && Rate(now) is > 0 and var rate ? now + TimeSpan.FromSeconds(Remaining / rate) : null;
}

/// <summary>How a run stands.</summary>
public enum ResyncRunState
{
    /// <summary>Asked for; the catalog is being compared with the ledger, or about to be.</summary>
    Planning = 0,

    /// <summary>Under way, or interrupted and to be taken up again.</summary>
    Sending = 1,

    /// <summary>Everything planned is accounted for.</summary>
    Completed = 2,

    /// <summary>A dry run: planned, and nothing sent.</summary>
    Planned = 3,

    /// <summary>Ended by a person, or because a newer snapshot took its place. What it took into the ledger is still delivered.</summary>
    Cancelled = 4,

    /// <summary>The source holds no snapshot.</summary>
    NoSnapshot = 5,

    /// <summary>This very snapshot was handled before.</summary>
    HandledAlready = 6,

    /// <summary>The snapshot cannot be used; nothing was sent.</summary>
    Refused = 7,

    /// <summary>The guard stopped it; nothing was sent.</summary>
    Stopped = 8,
}

/// <summary>What is asked of a run.</summary>
public sealed record ResyncParameters
{
    /// <summary>Plan only.</summary>
    public bool DryRun { get; init; }

    /// <summary>Override of the guard's shares, 0 to 1.</summary>
    [JsonPropertyName("allowShare")]
    public double? AllowedDelistShare { get; init; }

    /// <summary>Also where this very snapshot was handled already.</summary>
    public bool Again { get; init; }

    /// <summary>Which contents, where the ledger is the source; null for those that are pending or failed.</summary>
    public ResendFilter? Resend { get; init; }
}

/// <summary>An unsound item of a catalog, which the run left alone.</summary>
/// <param name="Place"><c>line 7</c>, or <c>line 7, element 2</c>.</param>
/// <param name="ContentId">Where it could be read.</param>
/// <param name="Code">Of its first violation.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ResyncIssue(string Place, string? ContentId, string Code, string Message);

/// <summary>What became of what was planned. The members after Planned add up to <see cref="Done"/>.</summary>
public sealed record RunCounts
{
    /// <summary>Lines to be sent and contents to be delisted.</summary>
    public long Planned { get; init; }

    /// <summary>Acknowledged by AlipayHK.</summary>
    public long Sent { get; init; }

    /// <summary>In step before its turn came: another way in had sent the same, or another line of the catalog counted.</summary>
    public long Unchanged { get; init; }

    /// <summary>Something newer was accepted meanwhile; not sent.</summary>
    public long Superseded { get; init; }

    /// <summary>Did not succeed at once and left the run: it is retried by itself, with its own back-off.</summary>
    public long Failed { get; init; }

    /// <summary>Rejected by AlipayHK or given up on; waits for a person.</summary>
    public long Parked { get; init; }

    /// <summary>Accounted for.</summary>
    [JsonIgnore]
    public long Done => Sent + Unchanged + Superseded + Failed + Parked;

    /// <summary>Both together.</summary>
    public static RunCounts operator +(RunCounts a, RunCounts b) => new()
    {
        Planned = a.Planned + b.Planned,
        Sent = a.Sent + b.Sent,
        Unchanged = a.Unchanged + b.Unchanged,
        Superseded = a.Superseded + b.Superseded,
        Failed = a.Failed + b.Failed,
        Parked = a.Parked + b.Parked,
    };
}
