using ContentSync.Catalog;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// The ledger itself as a source: sends again what it holds, with the same request. For what is pending or failed, and for what AlipayHK
/// acknowledged so long ago that it had better be told again. What AlipayHK rejected is left alone.
/// </summary>
public sealed class LedgerSource : ICatalogSource
{
    /// <summary>Its <see cref="ICatalogSource.Name"/>.</summary>
    public const string SourceName = "ledger";

    /// <inheritdoc/>
    public string Name => SourceName;

    /// <inheritdoc/>
    public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) => ValueTask.FromResult<ICatalogSnapshot?>(LedgerSnapshot.Instance);
}

/// <summary>The ledger as it stands; it has no bytes of its own, so only a plan of <see cref="ResendPlanner"/> goes with it.</summary>
public sealed class LedgerSnapshot : ICatalogSnapshot
{
    internal static readonly LedgerSnapshot Instance = new();

    private LedgerSnapshot()
    {
    }

    public string Name => LedgerSource.SourceName;

    public string Digest => LedgerSource.SourceName;

    /// <summary>Nothing of it is accepted anew.</summary>
    public DateTimeOffset WrittenAt => DateTimeOffset.UnixEpoch;

    public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult(Stream.Null);

    public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => ValueTask.FromResult(true);
}

/// <summary>Which contents of the ledger to send again; they add up.</summary>
public sealed record ResendFilter
{
    /// <summary>What is meant where nothing is said.</summary>
    public static ResendFilter Default { get; } = new() { Pending = true, Failed = true, UnknownOutcome = true };

    /// <summary>Accepted, and not acknowledged yet.</summary>
    public bool Pending { get; init; }

    /// <summary>Given up on after every retry.</summary>
    public bool Failed { get; init; }

    /// <summary>Sent at least once, and no answer told what AlipayHK holds now.</summary>
    public bool UnknownOutcome { get; init; }

    /// <summary>Acknowledged longer ago than this; null for none of these.</summary>
    public TimeSpan? OlderThan { get; init; }

    /// <summary>Whether a content is one of them.</summary>
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

/// <summary>Plans what of the ledger is to be sent again.</summary>
public sealed class ResendPlanner(ISyncLedger ledger, TimeProvider time)
{
    /// <summary>Reads the ledger once.</summary>
    /// <returns>The plan, to be disposed of. Its contents are those to be sent again; Items counts what the ledger holds.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task<CatalogPlan> PlanAsync(ResendFilter filter, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var plan = CatalogPlan.Create(0);
        try
        {
            var (items, matching) = (0L, 0L);
            await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), cancellationToken).ConfigureAwait(false))
            {
                items++;
                if (!filter.Matches(record, now)) continue;
                matching++;
                plan.AddNamed(System.Text.Encoding.UTF8.GetBytes(record.ContentId));
            }

            plan.Seal(new PlanCounts { Items = items, Changed = matching, Unchanged = items - matching }, []);
            return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
    }
}
