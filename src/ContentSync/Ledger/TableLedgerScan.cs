using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>Scans a <see cref="TableLedger"/> without the bodies, in one transaction per 1,000 items.</summary>
/// <param name="table">The table of the ledger.</param>
public sealed class TableLedgerScan(TableClient table) : IPartitionedLedgerScan
{
    /// <summary>Ranges of partitions that are read concurrently; a single reader mostly waits for the service.</summary>
    private const int Ranges = 8;

    private const int PagesAhead = 8;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Reader and writers mostly wait for the store, so each may go on where the other one stopped.
        var pages = Channel.CreateBounded<IReadOnlyList<TableEntity>>(
            new BoundedChannelOptions(PagesAhead) { AllowSynchronousContinuations = true });
        var reading = ReadAllAsync(pages.Writer, stopping.Token);
        try
        {
            await foreach (var page in pages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                foreach (var entity in page) yield return TableLedgerEntity.ReadScanned(entity);
            }
        }
        finally
        {
            stopping.Cancel();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <inheritdoc/>
    public byte PartitionOf(ReadOnlySpan<char> contentId) => TableLedgerKey.PartitionOf(contentId);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ScannedItem> ReadPartitionAsync(int partition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey eq {TableLedgerKey.PartitionKeyOf(partition)} and RowKey lt {TableLedgerIndexRow.EndOfRecords}");
        var pages = table
            .QueryAsync<TableEntity>(filter, select: TableLedgerEntity.ScanColumns, cancellationToken: cancellationToken)
            .AsPages()
            .GetAsyncEnumerator(cancellationToken);
        await using (pages.ConfigureAwait(false))
        {
            while (await HasNextAsync(pages, cancellationToken).ConfigureAwait(false))
            {
                foreach (var entity in pages.Current.Values) yield return TableLedgerEntity.ReadScanned(entity);
            }
        }
    }

    private async ValueTask<bool> HasNextAsync(IAsyncEnumerator<Page<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            return await pages.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private async Task ReadAllAsync(ChannelWriter<IReadOnlyList<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            var ranges = Enumerable.Range(0, Ranges).Select(range => ReadRangeAsync(range, pages, cancellationToken));
            await Task.WhenAll(ranges).ConfigureAwait(false);
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
            var query = table.QueryAsync<TableEntity>(FilterOf(range), select: TableLedgerEntity.ScanColumns, cancellationToken: cancellationToken);
            await foreach (var page in query.AsPages().ConfigureAwait(false))
                await pages.WriteAsync(page.Values, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    // A PartitionKey is two lower-case hex digits; the last range has no upper bound. Index rows follow the records of each partition.
    private static string FilterOf(int range)
    {
        var (first, next) = ($"{range * 256 / Ranges:x2}", $"{(range + 1) * 256 / Ranges:x2}");
        return range + 1 < Ranges
            ? TableClient.CreateQueryFilter($"PartitionKey ge {first} and PartitionKey lt {next} and RowKey lt {TableLedgerIndexRow.EndOfRecords}")
            : TableClient.CreateQueryFilter($"PartitionKey ge {first} and RowKey lt {TableLedgerIndexRow.EndOfRecords}");
    }
}
