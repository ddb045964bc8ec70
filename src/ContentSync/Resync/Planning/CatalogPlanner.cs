using System.Security.Cryptography;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync.Planning;

/// <summary>Compares a catalog with the ledger.</summary>
public interface ICatalogPlanner
{
    /// <summary>
    /// Reads the snapshot to its end and plans, or refuses the whole snapshot. A request of a run continues what an earlier call with the
    /// same run and snapshot has done, in this or another process, and may end before the plan is complete.
    /// </summary>
    /// <returns>The plan, which the caller disposes of; or why there is none.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    /// <exception cref="PlanStorageException">There is no room for the plan, or its files cannot be used.</exception>
    Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanRequest request, CancellationToken cancellationToken);
}

/// <summary>
/// Compares a whole catalog with the ledger. The catalog is read once into small entries in files, by a hash of the contentId; a ledger that
/// can only be read as a whole is copied the same way, in parallel. Then the partitions are compared in memory. Every file is a place where
/// a later call continues: one for each half million items read, and one for each million compared. Memory use grows with the catalog by
/// only one bit per item, and by a 256th of its entries. Thread-safe.
/// </summary>
/// <param name="reader">Reads the catalog.</param>
/// <param name="ledger">Scanned once per plan, partition by partition if it can be.</param>
/// <param name="files">Hold the entries while planning: about 45 bytes per item, and as much per record of a ledger that is copied.</param>
/// <param name="time">Decides which times are ahead.</param>
public sealed class CatalogPlanner(
    CatalogReader reader, ILedgerScan ledger, IPlanFiles files, [FromKeyedServices(Clocks.Store)] TimeProvider time) : ICatalogPlanner
{
    /// <summary>Items of a file: a call that is killed loses what it read since the last one.</summary>
    internal int SegmentItems { get; init; } = PlanSegment.MaxItems;

    /// <summary>
    /// Plans at once. Refuses a snapshot that cannot be read to its end, that changes meanwhile, or whose last line is incomplete. An item
    /// that is merely invalid is left alone: neither sent nor delisted. If the contentId of one cannot be read, nothing is delisted.
    /// </summary>
    /// <returns>The plan, which the caller disposes of; or the reason there is none.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    /// <exception cref="PlanStorageException">There is no room for the plan, or its files cannot be used.</exception>
    public Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken) =>
        PlanAsync(snapshot, new PlanRequest(), cancellationToken);

    /// <inheritdoc cref="PlanAsync(ICatalogSnapshot, CancellationToken)"/>
    /// <param name="snapshot">Read once.</param>
    /// <param name="scope">Whether items absent from the catalog are delisted.</param>
    /// <param name="cancellationToken">Cancels the planning; its files are deleted.</param>
    public Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanScope scope, CancellationToken cancellationToken) =>
        PlanAsync(snapshot, new PlanRequest { Scope = scope }, cancellationToken);

    /// <inheritdoc/>
    public async Task<PlanResult> PlanAsync(ICatalogSnapshot snapshot, PlanRequest request, CancellationToken cancellationToken)
    {
        var group = Hash(request.Source ?? "");
        var plan = request.RunId is { } runId
            ? $"{group}-{Hash($"{PlanSteps.Format}|{runId}|{snapshot.Digest}|{request.Scope}|{snapshot.OverridesNewer}|{snapshot.AsOf.UtcTicks}")}"
            : $"once-{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
        var keeps = false;
        try
        {
            if (request.RunId is not null) await DeleteOthersAsync(group, plan, cancellationToken).ConfigureAwait(false);
            var steps = new PlanSteps(reader, ledger, files, time, plan, snapshot, request, SegmentItems);
            var result = await steps.RunAsync(cancellationToken).ConfigureAwait(false);
            keeps = result.Fault is null;
            return result;
        }
        catch (Exception e) when (request.RunId is not null && e is not PlanStorageException { IsFull: true })
        {
            keeps = true;
            throw;
        }
        finally
        {
            if (!keeps) await files.DeleteAsync(plan, CancellationToken.None).ConfigureAwait(false);
        }
    }

    // A source has one run at a time: files of another one were left by a process that was killed, or by a cancelled run.
    private async ValueTask DeleteOthersAsync(string group, string plan, CancellationToken cancellationToken)
    {
        foreach (var other in await files.FindAsync($"{group}-", cancellationToken).ConfigureAwait(false))
        {
            if (other != plan) await files.DeleteAsync(other, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
}

/// <summary>What to plan, and how far.</summary>
public sealed record PlanRequest
{
    /// <summary>How the catalog relates to all items.</summary>
    public PlanScope Scope { get; init; }

    /// <summary><see cref="ICatalogSource.Name"/>; set together with <see cref="RunId"/>.</summary>
    public string? Source { get; init; }

    /// <summary>The run whose plan is made; later calls with the same one continue it. Null for a plan that is made at once.</summary>
    public string? RunId { get; init; }

    /// <summary>
    /// Whether the call should end; asked after every half million items read and every partition compared. Null for no limit. What a call
    /// has begun by then it completes, so every call gets further.
    /// </summary>
    public Func<bool>? IsSpent { get; init; }
}

/// <summary>How a catalog relates to all items.</summary>
public enum PlanScope
{
    /// <summary>The catalog is everything: listed items that are absent from it are delisted, so it must be complete.</summary>
    Mirror = 0,

    /// <summary>
    /// The catalog is items to send, among others. Nothing is delisted for being absent, and the file need not be complete. Selects every
    /// item whose version AlipayHK has not acknowledged, and the invalid items.
    /// </summary>
    Additions = 1,
}

/// <summary>A plan, the fault for which the snapshot is refused, or how far the plan is; exactly one of them is not null.</summary>
public sealed record PlanResult(CatalogPlan? Plan, SnapshotFault? Fault, PlanProgress? Unfinished = null);

/// <summary>How far a plan is.</summary>
/// <param name="ItemsRead">Items of the catalog that were read.</param>
/// <param name="ComparedShare">Share of the catalog that was compared with the ledger, 0 to 1.</param>
public sealed record PlanProgress(long ItemsRead, double ComparedShare);

/// <summary>Why a whole snapshot is refused.</summary>
/// <param name="Line">The line, from 1; null if the fault has no line.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record SnapshotFault(long? Line, string Message);
