using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>
/// The steps in which a table that an earlier version filled gets its index while the app runs. Earlier versions neither know index
/// rows nor keep them up to date, so each step must have reached every instance before the next one is set.
/// </summary>
public enum LedgerIndexStep
{
    /// <summary>
    /// <see cref="Complete"/> for a table that was empty when this version first saw it, or whose index is complete; otherwise
    /// <see cref="Skip"/>, until the other steps are set.
    /// </summary>
    Auto,

    /// <summary>
    /// Index rows are skipped when reading and no new ones are written. An index that was complete counts as incomplete from now on.
    /// </summary>
    Skip,

    /// <summary>Index rows are written with every change, but nothing is searched through them unless the index is complete already.</summary>
    Write,

    /// <summary>As <see cref="Write"/>, and the next maintenance adds what is missing and declares the index complete.</summary>
    Complete,
}

/// <summary>Whether a table's index is written, and whether it is complete. Thread-safe.</summary>
internal sealed class TableLedgerIndex(TableClient table, LedgerIndexStep step)
{
    private const string MarkerPartition = "00";

    // Neither a record nor an index row: after ~g and before ~n.
    private const string MarkerRow = "~m";

    private int _adds = -1;

    /// <summary>Whether maintenance may declare the index complete.</summary>
    public bool MayComplete => step is LedgerIndexStep.Complete or LedgerIndexStep.Auto && _adds == 1;

    /// <summary>Whether records get index rows. Decided with the first write; costs up to two transactions, once per process.</summary>
    public async ValueTask<bool> AddsRowsAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _adds) is >= 0 and var known) return known == 1;
        var adds = step switch
        {
            LedgerIndexStep.Skip => await InvalidateAsync(cancellationToken).ConfigureAwait(false),
            LedgerIndexStep.Auto => await IsNewOrCompleteAsync(cancellationToken).ConfigureAwait(false),
            _ => true,
        };
        Volatile.Write(ref _adds, adds ? 1 : 0);
        return adds;
    }

    /// <summary>Whether every record that is out of sync has its index row. One transaction: another process may take it back at any time.</summary>
    public async ValueTask<bool> IsCompleteAsync(CancellationToken cancellationToken)
    {
        var marker = await table
            .GetEntityIfExistsAsync<TableEntity>(MarkerPartition, MarkerRow, ["RowKey"], cancellationToken)
            .ConfigureAwait(false);
        return marker.HasValue;
    }

    public async ValueTask MarkCompleteAsync(CancellationToken cancellationToken) =>
        await table.UpsertEntityAsync(new TableEntity(MarkerPartition, MarkerRow), TableUpdateMode.Replace, cancellationToken).ConfigureAwait(false);

    // An instance marks the table before it writes its first record, so a table with records and no marker is an earlier version's.
    private async ValueTask<bool> IsNewOrCompleteAsync(CancellationToken cancellationToken)
    {
        var any = table.QueryAsync<TableEntity>($"RowKey lt '{TableLedgerIndexRow.EndOfRecords}'", 1, ["RowKey"], cancellationToken);
        await foreach (var _ in any.ConfigureAwait(false)) return await IsCompleteAsync(cancellationToken).ConfigureAwait(false);
        await MarkCompleteAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async ValueTask<bool> InvalidateAsync(CancellationToken cancellationToken)
    {
        await table.DeleteEntityAsync(MarkerPartition, MarkerRow, ETag.All, cancellationToken).ConfigureAwait(false);
        return false;
    }
}
