using System.Text.Json.Serialization;

namespace ContentSync.Resync;

/// <summary>One run: what it was to do, how far it has come, and how it ended.</summary>
public sealed record ResyncRun
{
    public required string RunId { get; init; }

    /// <summary><see cref="ICatalogSource.Name"/>.</summary>
    public required string Source { get; init; }

    /// <summary><see cref="ICatalogSnapshot.Digest"/>.</summary>
    public required string Digest { get; init; }

    /// <summary><see cref="ICatalogSnapshot.WrittenAt"/>.</summary>
    public required DateTimeOffset WrittenAt { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    public required ResyncRunState State { get; init; }

    public required PlanCounts Plan { get; init; }

    /// <summary>Pages that are finished; the run goes on with the next one after a kill.</summary>
    public long Pages { get; init; }

    /// <summary>Packs that were sent; each is one message, one execution and one settlement where a broker carries them.</summary>
    public long Packs { get; init; }

    public RunCounts Counts { get; init; } = new();

    /// <summary>Planned and not accounted for yet.</summary>
    [JsonIgnore]
    public long Remaining => Counts.Planned - Counts.Done;

    /// <summary>Changes with every write; see <see cref="IResyncRuns.WriteAsync"/>.</summary>
    public long Version { get; init; }

    /// <summary>Items per second since the start; 0 before the first page.</summary>
    public double Rate(DateTimeOffset now) => now > StartedAt ? Counts.Done / ((EndedAt ?? now) - StartedAt).TotalSeconds : 0;

    /// <summary>When it will be done at the rate so far; null where that cannot be told.</summary>
    public DateTimeOffset? EstimatedEnd(DateTimeOffset now) => Rate(now) is > 0 and var rate ? now + TimeSpan.FromSeconds(Remaining / rate) : null;
}

/// <summary>How a run stands.</summary>
public enum ResyncRunState
{
    /// <summary>Under way, or interrupted and to be taken up again.</summary>
    Sending = 0,

    /// <summary>Everything planned is accounted for.</summary>
    Completed = 1,

    /// <summary>Ended by a person.</summary>
    Cancelled = 2,
}

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

/// <summary>Keeps the newest run of each source, with its plan.</summary>
public interface IResyncRuns
{
    /// <summary>The newest run of a source, or null.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<ResyncRun?> FindAsync(string source, CancellationToken cancellationToken);

    /// <summary>Writes the next state of a run, or the first one of a new run in the place of the last one.</summary>
    /// <returns>What was written, with its new version; null where somebody else has written since <paramref name="run"/> was read, who then owns the run.</returns>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask<ResyncRun?> WriteAsync(ResyncRun run, CancellationToken cancellationToken);

    /// <summary>Keeps a run's plan; it is there whole or not at all.</summary>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask SavePlanAsync(string runId, CatalogPlan plan, CancellationToken cancellationToken);

    /// <summary>A run's plan.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<CatalogPlan> LoadPlanAsync(string runId, CancellationToken cancellationToken);
}
