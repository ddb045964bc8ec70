using ContentSync.Catalog;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync.Planning;

/// <summary>
/// The ledger itself as a source: sends the items it holds again, with the same requests. For items that are pending or failed, and for
/// items that AlipayHK acknowledged long ago. Items that AlipayHK rejected are left alone.
/// </summary>
public sealed class LedgerSource : ICatalogSource
{
    /// <summary>Its <see cref="ICatalogSource.Name"/>.</summary>
    public const string SourceName = "ledger";

    /// <inheritdoc/>
    public string Name => SourceName;

    /// <inheritdoc/>
    public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<ICatalogSnapshot?>(LedgerSnapshot.Instance);
}

/// <summary>The current ledger. It has no bytes to read, so only <see cref="ResendPlanner"/> can plan it.</summary>
public sealed class LedgerSnapshot : ICatalogSnapshot
{
    internal static readonly LedgerSnapshot Instance = new();

    private LedgerSnapshot()
    {
    }

    public string Name => LedgerSource.SourceName;

    public string Digest => LedgerSource.SourceName;

    /// <summary>Unused: items that are sent again are not accepted again.</summary>
    public DateTimeOffset WrittenAt => DateTimeOffset.UnixEpoch;

    public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult(Stream.Null);

    public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => ValueTask.FromResult(true);
}

/// <summary>Which items of the ledger to send again; an item that meets any of the criteria is sent.</summary>
public sealed record ResendFilter
{
    /// <summary>Used when no criteria are given.</summary>
    public static ResendFilter Default { get; } = new() { Pending = true, Failed = true, UnknownOutcome = true };

    /// <summary>Accepted, and not acknowledged yet.</summary>
    public bool Pending { get; init; }

    /// <summary>Parked after the last attempt.</summary>
    public bool Failed { get; init; }

    /// <summary>Sent at least once, and no response says which version AlipayHK holds.</summary>
    public bool UnknownOutcome { get; init; }

    /// <summary>Acknowledged longer ago than this; null for none.</summary>
    public TimeSpan? OlderThan { get; init; }

    /// <summary>Whether an item meets one of the criteria.</summary>
    public bool Matches(SyncRecord record, DateTimeOffset now) => record switch
    {
        { State: SyncState.Parked, ParkReason: ParkReason.Rejected } => false,
        { State: SyncState.Pending } when Pending => true,
        { State: SyncState.Parked } when Failed => true,
        { State: SyncState.Pending or SyncState.Parked, SynchronizedHash: null, LastAttempt: not null } when UnknownOutcome => true,
        { State: SyncState.Synchronized, SynchronizedAt: { } at } when OlderThan is { } age => at < now - age,
        _ => false,
    };
}

/// <summary>Plans which items of the ledger to send again.</summary>
public sealed class ResendPlanner(ISyncLedger ledger, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Reads the ledger once.</summary>
    /// <returns>The plan, which the caller disposes of. It names the items to send again; Items counts all records of the ledger.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task<CatalogPlan> PlanAsync(ResendFilter filter, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var plan = CatalogPlan.Create(0);
        var (items, matching) = (0L, 0L);
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), cancellationToken).ConfigureAwait(false))
        {
            items++;
            if (!filter.Matches(record, now)) continue;
            matching++;
            plan.AddNamed(System.Text.Encoding.UTF8.GetBytes(record.ContentId));
        }

        plan.Seal(new PlanSummary { Counts = new PlanCounts { Items = items, Changed = matching, Unchanged = items - matching } });
        return plan;
    }
}
