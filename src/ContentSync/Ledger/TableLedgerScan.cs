using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>The index of a <see cref="TableLedger"/>: six properties of each entity, no bodies, a transaction per 1,000 contents.</summary>
/// <param name="table">The ledger's.</param>
public sealed class TableLedgerScan(TableClient table) : ILedgerScan
{
    /// <summary>Ranges of partitions that are read side by side; one alone waits for the service most of the time.</summary>
    private const int Ranges = 8;

    private const int PagesAhead = 8;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pages = Channel.CreateBounded<IReadOnlyList<TableEntity>>(PagesAhead);
        var reading = ReadAllAsync(pages.Writer, abandoned.Token);
        try
        {
            await foreach (var page in pages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                foreach (var entity in page) yield return TableLedgerEntity.ReadScanned(entity);
            }
        }
        finally
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAllAsync(ChannelWriter<IReadOnlyList<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Ranges).Select(range => ReadRangeAsync(range, pages, cancellationToken))).ConfigureAwait(false);
            pages.Complete();
        }
        catch (Exception fault)
        {
            pages.Complete(fault);
        }
    }

    private async Task ReadRangeAsync(int range, ChannelWriter<IReadOnlyList<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var page in table.QueryAsync<TableEntity>(FilterOf(range), select: TableLedgerEntity.ScanColumns, cancellationToken: cancellationToken).AsPages().ConfigureAwait(false))
                await pages.WriteAsync(page.Values, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    // PartitionKey is two lower-case hex digits; the last range is open at its end.
    private static string FilterOf(int range)
    {
        var (first, next) = ($"{range * 256 / Ranges:x2}", $"{(range + 1) * 256 / Ranges:x2}");
        return range + 1 < Ranges ? TableClient.CreateQueryFilter($"PartitionKey ge {first} and PartitionKey lt {next}") : TableClient.CreateQueryFilter($"PartitionKey ge {first}");
    }
}
