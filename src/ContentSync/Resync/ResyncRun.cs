using System.Text.Json.Serialization;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;

namespace ContentSync.Resync;

/// <summary>One run: its parameters, its progress, and its outcome.</summary>
public sealed record ResyncRun
{
    /// <summary>32 hex digits.</summary>
    public required string RunId { get; init; }

    /// <summary><see cref="ICatalogSource.Name"/>.</summary>
    public required string Source { get; init; }

    /// <summary>The parameters of the request.</summary>
    [JsonPropertyName("wish")]
    public required ResyncParameters Parameters { get; init; }

    public required ResyncRunState State { get; init; }

    /// <summary>One or two sentences for display: what is happening, or how the run ended.</summary>
    public required string Message { get; init; }

    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When it was last written. If that is long ago for a run in progress, the process that executed it is gone.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When sending began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary><see cref="ICatalogSnapshot.Name"/>; null before planning.</summary>
    public string? Snapshot { get; init; }

    /// <summary><see cref="ICatalogSnapshot.Digest"/>.</summary>
    public string? Digest { get; init; }

    /// <summary><see cref="ICatalogSnapshot.MappingDigest"/>.</summary>
    public string? Mapping { get; init; }

    /// <summary><see cref="ICatalogSnapshot.MappingName"/>.</summary>
    public string? MappingName { get; init; }

    /// <summary><see cref="ICatalogSnapshot.WrittenAt"/>.</summary>
    public DateTimeOffset? WrittenAt { get; init; }

    /// <summary>
    /// <see cref="ICatalogSnapshot.AsOf"/>; null in a run of an earlier version, whose items count as changed at <see cref="WrittenAt"/>.
    /// </summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary><see cref="ICatalogSnapshot.AsOfSource"/>.</summary>
    public AsOfSource AsOfSource { get; init; }

    /// <summary>Identifies the snapshot and the rules it was read with; see <see cref="HandledSnapshot.Fingerprint"/>.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Whether the snapshot held what was declared about it; false if nothing was declared.</summary>
    public bool ProvedCompleteness { get; init; }

    /// <summary>Null before planning, and if the snapshot was refused.</summary>
    public PlanCounts? Plan { get; init; }

    /// <summary>
    /// Id of the plan that is saved while it is being sent. Not the run's id: two processes that plan the same run at the same time may get
    /// different plans, and only one of them then owns the run.
    /// </summary>
    public string? PlanId { get; init; }

    /// <summary>If the snapshot was refused, the line of its fault, from 1.</summary>
    public long? FaultLine { get; init; }

    /// <summary>The first of the invalid items.</summary>
    public IReadOnlyList<ResyncIssue> Issues { get => field ?? []; init; }

    /// <summary>The first items that the catalog holds more than once.</summary>
    public IReadOnlyList<ResyncDuplicate> Duplicates { get => field ?? []; init; }

    /// <summary>contentIds of the first items that were not sent because a newer version was accepted before.</summary>
    public IReadOnlyList<string> Newer { get => field ?? []; init; }

    /// <summary>What was pending or parked when it ended, and is still; null before, and in a run of an earlier version.</summary>
    public OpenItems? Open { get; init; }

    /// <summary>Number of lanes when the run started; kept, because packs that were sent must not be split differently.</summary>
    public int Lanes { get; init; }

    /// <summary>Items per pack when the run started; see <see cref="Lanes"/>.</summary>
    public int ItemsPerPack { get; init; }

    /// <summary>Number of finished pages; after a restart, the run continues with the next one.</summary>
    public long Pages { get; init; }

    /// <summary>Number of packs sent to each lane.</summary>
    public IReadOnlyList<long> LanePacks { get => field ?? []; init; }

    /// <summary>All packs were sent to the lanes; only their outcomes are missing.</summary>
    [JsonPropertyName("isHandedOver")]
    public bool IsFullySent { get; init; }

    /// <summary>Counts of the runner itself; <see cref="IPackLanes.CountsAsync"/> adds those of the lanes.</summary>
    public RunCounts Counts { get => field ?? new RunCounts(); init; }

    /// <summary>What the lanes had counted at the last check, once all packs were sent to them.</summary>
    public long LanesDone { get; init; }

    /// <summary>Items whose packs were lost; they count as failed.</summary>
    public long LeftUnknown { get; init; }

    /// <summary>Number of packs sent to the lanes; with a broker, each is one message, one execution and one settlement.</summary>
    [JsonIgnore]
    public long Packs => LanePacks.Sum();

    /// <summary>Requested, planned or sending: no other run of this source starts meanwhile.</summary>
    [JsonIgnore]
    public bool IsInProgress => State is ResyncRunState.Planning or ResyncRunState.Sending;

    /// <summary>Planned and not counted yet.</summary>
    [JsonIgnore]
    public long Remaining => Counts.Planned - Counts.Done;

    /// <summary>Items per second since sending began; 0 before the first page.</summary>
    public double Rate(DateTimeOffset now)
    {
        var end = EndedAt ?? now;
        return StartedAt is { } start && end > start ? Counts.Done / (end - start).TotalSeconds : 0;
    }

    /// <summary>When it will be done at the rate so far; null if that cannot be estimated.</summary>
    public DateTimeOffset? EstimatedEnd(DateTimeOffset now) =>
        State == ResyncRunState.Sending && Rate(now) is > 0 and var rate ? now + TimeSpan.FromSeconds(Remaining / rate) : null;
}

/// <summary>The state of a run.</summary>
public enum ResyncRunState
{
    /// <summary>Requested; the catalog is being compared with the ledger, or about to be.</summary>
    Planning = 0,

    /// <summary>In progress, or interrupted and to be continued.</summary>
    Sending = 1,

    /// <summary>Every planned item is counted.</summary>
    Completed = 2,

    /// <summary>A dry run: planned, nothing sent.</summary>
    Planned = 3,

    /// <summary>Ended by an operator, or replaced by a newer snapshot. Items that it accepted into the ledger are still sent.</summary>
    Cancelled = 4,

    /// <summary>The source holds no snapshot.</summary>
    NoSnapshot = 5,

    /// <summary>This snapshot was handled before.</summary>
    HandledAlready = 6,

    /// <summary>The snapshot cannot be used; nothing was sent.</summary>
    Refused = 7,

    /// <summary>Stopped by the guard; nothing was sent.</summary>
    Stopped = 8,
}

/// <summary>The parameters of a run.</summary>
public sealed record ResyncParameters
{
    /// <summary>Plan only.</summary>
    public bool DryRun { get; init; }

    /// <summary>Override of the guard's shares, 0 to 1.</summary>
    [JsonPropertyName("allowShare")]
    public double? AllowedDelistShare { get; init; }

    /// <summary>Run even if this snapshot was handled before.</summary>
    public bool Again { get; init; }

    /// <summary>The catalog wins regardless of what is newer: a rollback. The guard applies all the same.</summary>
    public bool OverrideNewer { get; init; }

    /// <summary>As of when the catalog is; null to take it from the catalog.</summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>Number of items that the catalog must hold; null for any.</summary>
    public long? ExpectedItems { get; init; }

    /// <summary>SHA-256 that the catalog's bytes must have, in lower-case hex digits; null for any.</summary>
    public string? ExpectedSha256 { get; init; }

    /// <summary>If the ledger is the source, which items to send again; null for the default.</summary>
    public ResendFilter? Resend { get; init; }

    internal CatalogDeclaration Declared => new() { AsOf = AsOf, Items = ExpectedItems, Sha256 = ExpectedSha256 };
}

/// <summary>An invalid item of a catalog, which the run skips.</summary>
/// <param name="Place">The line, and the element if the line holds an array: <c>line 7</c>, or <c>line 7, element 2</c>.</param>
/// <param name="ContentId">Absent if it could not be read.</param>
/// <param name="Code">The code of its first violation.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ResyncIssue(string Place, string? ContentId, string Code, string Message)
{
    /// <summary>Its revision; absent if it has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Revision { get; init; }

    /// <summary>Its occurredAt; absent if it has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? OccurredAt { get; init; }

    internal ContentReadResult ToReadResult() => new(null, [new ContentViolation(Code, "", Message)], ContentId)
    {
        RefusedNumber = Revision,
        RefusedOccurredAt = OccurredAt,
    };
}

/// <summary>Outcomes of the planned items. The members after Planned add up to <see cref="Done"/>.</summary>
public sealed record RunCounts
{
    /// <summary>Lines to send and items to delist.</summary>
    public long Planned { get; init; }

    /// <summary>Acknowledged by AlipayHK.</summary>
    public long Sent { get; init; }

    /// <summary>In sync before its turn: another input had sent the same version, or another line of the catalog counts.</summary>
    public long Unchanged { get; init; }

    /// <summary>A newer version was accepted meanwhile; not sent.</summary>
    public long Superseded { get; init; }

    /// <summary>Did not succeed at once and left the run: it is retried automatically, with its own back-off.</summary>
    public long Failed { get; init; }

    /// <summary>Parked: rejected by AlipayHK, or out of attempts; waits for an operator.</summary>
    public long Parked { get; init; }

    /// <summary>All counted items.</summary>
    [JsonIgnore]
    public long Done => Sent + Unchanged + Superseded + Failed + Parked;

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
