using System.ComponentModel.DataAnnotations;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Http;

/// <summary>The state of one run.</summary>
public sealed record ResyncState
{
    /// <summary>32 hex digits.</summary>
    public required string RunId { get; init; }

    /// <summary>Absent if its source is no longer configured.</summary>
    [AllowedValues(ResyncSources.CatalogKey, ResyncSources.LedgerKey)]
    public string? Source { get; init; }

    /// <summary>The source's name.</summary>
    public required string SourceName { get; init; }

    /// <summary>planning and sending are in progress; the other states are final.</summary>
    [EnumDataType(typeof(ResyncRunState))]
    public required string State { get; init; }

    /// <summary>What the run is doing, or how it ended.</summary>
    public required string Message { get; init; }

    /// <summary>The parameters it was started with.</summary>
    public required ResyncRequest Parameters { get; init; }

    /// <summary>The snapshot's name; absent until planning has finished.</summary>
    public string? Snapshot { get; init; }

    /// <summary>The mapping with which the snapshot's items are made; absent if it is in our own form.</summary>
    public ResyncMapping? Mapping { get; init; }

    /// <summary>When the snapshot was written.</summary>
    public DateTimeOffset? SnapshotWrittenAt { get; init; }

    /// <summary>The state of which time the snapshot shows; its lines count as changed at that time.</summary>
    public DateTimeOffset? SnapshotAsOf { get; init; }

    /// <summary>Where that time comes from.</summary>
    [EnumDataType(typeof(AsOfSource))]
    public string? SnapshotAsOfSource { get; init; }

    /// <summary>If the snapshot was refused, the line of the fault.</summary>
    public long? FaultLine { get; init; }

    /// <summary>Absent until planning has finished.</summary>
    public PlanCounts? Plan { get; init; }

    /// <summary>Absent until sending begins.</summary>
    public ResyncCounts? Counts { get; init; }

    /// <summary>Items per second since sending began.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>At the current rate; absent if it cannot be estimated.</summary>
    public DateTimeOffset? EstimatedEnd { get; init; }

    /// <summary>When the run was requested.</summary>
    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When sending began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When the run was last updated.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Absent while the run is in progress.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The first invalid items, which the run skips.</summary>
    public IReadOnlyList<ResyncIssue> Issues { get => field ?? []; init; }

    /// <summary>The first items that the catalog holds more than once.</summary>
    public IReadOnlyList<ResyncDuplicate> Duplicates { get => field ?? []; init; }

    /// <summary>contentIds of the first items that were not sent because a newer version was accepted before.</summary>
    public IReadOnlyList<string> Newer { get => field ?? []; init; }

    /// <summary>Items whose newest version AlipayHK does not hold; absent before the end of the run.</summary>
    public ResyncOpenItems? Open { get; init; }

    internal static ResyncState Of(ResyncRun run, ResyncSources sources, DateTimeOffset now)
    {
        var key = sources.KeyFor(run.Source);
        var hasBegun = run.StartedAt is not null;
        return new ResyncState
        {
            RunId = run.RunId,
            Source = key,
            SourceName = run.Source,
            State = EnumText.Of(run.State),
            Message = run.Message,
            Parameters = ResyncRequest.Of(run.Parameters, key ?? ResyncSources.CatalogKey),
            Snapshot = run.Snapshot,
            Mapping = run is { MappingName: { } mapping, Mapping: { } digest } ? new ResyncMapping(mapping, digest) : null,
            SnapshotWrittenAt = run.Source == ResyncSources.LedgerKey ? null : run.WrittenAt,
            SnapshotAsOf = run.Source == ResyncSources.LedgerKey ? null : run.AsOf,
            SnapshotAsOfSource = run.Source == ResyncSources.LedgerKey || run.AsOf is null ? null : EnumText.Of(run.AsOfSource),
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
            Duplicates = run.Duplicates,
            Newer = run.Newer,
            Open = run.Open is { } open ? ResyncOpenItems.Of(open) : null,
        };
    }
}

/// <summary>The mapping of a run.</summary>
/// <param name="Name">Its file.</param>
/// <param name="Digest">SHA-256 of the file and its look-up tables, in hex.</param>
public sealed record ResyncMapping(string Name, string Digest);

/// <summary>Items of the ledger whose newest version AlipayHK does not hold.</summary>
/// <param name="Pending">Accepted and not acknowledged yet; retried automatically.</param>
/// <param name="Parked">Rejected by AlipayHK, or out of attempts; wait for a person.</param>
/// <param name="Items">The first of them, parked ones first.</param>
public sealed record ResyncOpenItems(long Pending, long Parked, IReadOnlyList<ResyncOpenItem> Items)
{
    internal static ResyncOpenItems Of(OpenItems open) => new(open.Pending, open.Parked, [.. open.First.Select(ResyncOpenItem.Of)]);
}

/// <summary>An item whose newest version AlipayHK does not hold.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="State">pending or parked.</param>
/// <param name="Code">Code of its last attempt; absent before the first one.</param>
/// <param name="Message">Message of its last attempt.</param>
public sealed record ResyncOpenItem(string ContentId, [property: EnumDataType(typeof(SyncState))] string State, string? Code, string? Message)
{
    internal static ResyncOpenItem Of(OpenItem item) => new(item.ContentId, EnumText.Of(item.State), item.Code, item.Message);
}

/// <summary>Planned items by outcome. The members after planned add up to it.</summary>
/// <param name="Planned">Items to send and items to delist; the sum of the other members.</param>
/// <param name="Sent">Acknowledged by AlipayHK.</param>
/// <param name="Unchanged">Already in sync when their turn came.</param>
/// <param name="Superseded">Not sent, because a newer version was accepted in the meantime.</param>
/// <param name="Failed">Left the run after a failed attempt; retried automatically, each with its own back-off.</param>
/// <param name="Parked">Rejected by AlipayHK, or out of retries.</param>
/// <param name="Remaining">Without an outcome yet.</param>
public sealed record ResyncCounts(long Planned, long Sent, long Unchanged, long Superseded, long Failed, long Parked, long Remaining)
{
    internal static ResyncCounts Of(ResyncRun run) =>
        new(run.Counts.Planned, run.Counts.Sent, run.Counts.Unchanged, run.Counts.Superseded, run.Counts.Failed, run.Counts.Parked, run.Remaining);
}
