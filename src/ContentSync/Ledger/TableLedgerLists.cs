using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>
/// The lists of a <see cref="TableLedger"/>. What is out of sync is read through the index rows, a range in each of the 256 partitions,
/// <see cref="Parallelism"/> at a time; everything else by searching the records themselves.
/// </summary>
internal sealed class TableLedgerLists(TableClient table, TableLedgerIndex index)
{
    /// <summary>Partitions that are read concurrently.</summary>
    public const int Parallelism = 16;

    /// <summary>Queries per page of a list that the index or the keys narrow down: one per partition and some for pages that end early.</summary>
    private const int MaxQueriesOfRanges = 258;

    /// <summary>Queries per page of any other list.</summary>
    private const int MaxQueriesOfSearch = 19;

    private const int PagesAhead = 32;

    public async IAsyncEnumerable<ListedItem> ReadAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var throughIndex = await UsesIndexAsync(filter, cancellationToken).ConfigureAwait(false);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Reader and writers mostly wait for the store, so each may go on where the other one stopped.
        var pages = Channel.CreateBounded<IReadOnlyList<TableEntity>>(
            new BoundedChannelOptions(PagesAhead) { AllowSynchronousContinuations = true });
        var reading = ReadPartitionsAsync(filter, throughIndex, pages.Writer, stopping.Token);
        try
        {
            await foreach (var page in pages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                foreach (var entity in page)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var item = Read(entity, throughIndex);
                    if (filter.Matches(item)) yield return item;
                }
            }
        }
        finally
        {
            stopping.Cancel();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>A page in the order of partitions and RowKeys.</summary>
    public async ValueTask<ItemPage> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken)
    {
        var throughIndex = await UsesIndexAsync(filter, cancellationToken).ConfigureAwait(false);
        var queries = throughIndex || !string.IsNullOrEmpty(filter.IdPrefix) ? MaxQueriesOfRanges : MaxQueriesOfSearch;
        var position = Position.Of(after);
        var items = new List<ListedItem>(size);
        for (var width = 1; position is { } start && items.Count < size && queries > 0; width = Math.Min(Parallelism, 2 * width))
        {
            width = Math.Min(width, Math.Min(IPartitionedLedgerScan.Partitions - start.Partition, queries));
            queries -= width;
            var missing = size - items.Count;
            var reading = Enumerable.Range(0, width)
                .Select(i => i == 0 ? start : new Position(start.Partition + i, null, null))
                .Select(from => QueryAsync(filter, throughIndex, from, missing, cancellationToken))
                .ToArray();
            foreach (var read in await Task.WhenAll(reading).ConfigureAwait(false))
            {
                position = Add(read, filter, throughIndex, items, size);
                // Later partitions were read ahead for nothing if this one is not finished.
                if (position is not { } next || next.Row is not null || next.Token is not null || items.Count == size) break;
            }
        }

        return new ItemPage(items, position?.ToText()) { Searched = (position?.Partition ?? IPartitionedLedgerScan.Partitions) / 256.0 };
    }

    private async ValueTask<bool> UsesIndexAsync(SyncRecordFilter filter, CancellationToken cancellationToken)
    {
        try
        {
            return filter.SelectsOutOfSync && await index.IsCompleteAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private static Position? Add(ReadPage read, SyncRecordFilter filter, bool throughIndex, List<ListedItem> items, int size)
    {
        foreach (var entity in read.Page?.Values ?? [])
        {
            var item = Read(entity, throughIndex);
            if (!filter.Matches(item)) continue;
            items.Add(item);
            if (items.Count == size) return new Position(read.From.Partition, RowOf(entity, throughIndex), null);
        }

        if (read.Page?.ContinuationToken is { } token) return read.From with { Token = token };
        var next = read.From.Partition + 1;
        return next == IPartitionedLedgerScan.Partitions ? null : new Position(next, null, null);
    }

    private async Task<ReadPage> QueryAsync(
        SyncRecordFilter filter, bool throughIndex, Position from, int size, CancellationToken cancellationToken)
    {
        try
        {
            var query = Query(filter, throughIndex, from.Partition, from.Row, cancellationToken);
            await foreach (var page in query.AsPages(from.Token, Math.Min(size, 1_000)).ConfigureAwait(false)) return new ReadPage(from, page);
            return new ReadPage(from, null);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private async Task ReadPartitionsAsync(
        SyncRecordFilter filter, bool throughIndex, ChannelWriter<IReadOnlyList<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            await Concurrently.ForEachAsync(
                Enumerable.Range(0, IPartitionedLedgerScan.Partitions),
                Parallelism,
                async (partition, token) =>
                {
                    var query = Query(filter, throughIndex, partition, null, token);
                    await foreach (var page in query.AsPages().ConfigureAwait(false))
                    {
                        if (page.Values.Count > 0) await pages.WriteAsync(page.Values, token).ConfigureAwait(false);
                    }
                },
                cancellationToken).ConfigureAwait(false);
            pages.Complete();
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault) && !cancellationToken.IsCancellationRequested)
        {
            pages.Complete(TableLedgerFault.Of(table, fault, cancellationToken));
        }
        catch (Exception fault)
        {
            pages.Complete(fault);
        }
    }

    private AsyncPageable<TableEntity> Query(
        SyncRecordFilter filter, bool throughIndex, int partition, string? after, CancellationToken cancellationToken) => throughIndex
        ? table.QueryAsync<TableEntity>(
            TableLedgerIndexRow.Query(filter, partition, after), select: TableLedgerIndexRow.Columns, cancellationToken: cancellationToken)
        : table.QueryAsync<TableEntity>(
            RecordQuery(filter, partition, after), select: TableLedgerEntity.ItemColumns, cancellationToken: cancellationToken);

    private static ListedItem Read(TableEntity entity, bool throughIndex) =>
        throughIndex ? TableLedgerIndexRow.Read(entity) : TableLedgerEntity.ReadItem(entity);

    private static string RowOf(TableEntity entity, bool throughIndex) =>
        throughIndex ? entity.RowKey[TableLedgerIndexRow.Prefix.Length..] : entity.RowKey;

    // CreateQueryFilter quotes every interpolation, so the names must be literal.
    private static string RecordQuery(SyncRecordFilter filter, int partition, string? after)
    {
        var (first, end) = TableLedgerIndexRow.Range(filter.IdPrefix);
        var conditions = new List<string>(8)
        {
            TableClient.CreateQueryFilter($"PartitionKey eq {TableLedgerKey.PartitionKeyOf(partition)}"),
            TableClient.CreateQueryFilter($"RowKey lt {end ?? TableLedgerIndexRow.EndOfRecords}"),
        };
        if (after is not null) conditions.Add(TableClient.CreateQueryFilter($"RowKey gt {after}"));
        else if (first.Length > 0) conditions.Add(TableClient.CreateQueryFilter($"RowKey ge {first}"));
        if (TableLedger.PropertyConditions(filter) is { } properties) conditions.Add(properties);
        return string.Join(" and ", conditions);
    }

    private readonly record struct ReadPage(Position From, Page<TableEntity>? Page);

    /// <summary>A place in the order of partitions and RowKeys.</summary>
    /// <param name="Partition">The partition, from 0.</param>
    /// <param name="Row">Only records whose RowKey follows this one; null for the whole partition.</param>
    /// <param name="Token">The service's own place in the results of that query.</param>
    private readonly record struct Position(int Partition, string? Row, string? Token)
    {
        private const char Separator = ' ';

        public static Position? Of(string? text)
        {
            if (text is null) return new Position(0, null, null);
            // A RowKey has no space; a token may have some.
            var parts = text.Split(Separator, 3);
            return parts.Length == 3 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
                && partition < IPartitionedLedgerScan.Partitions
                ? new Position(partition, Text(parts[1]), Text(parts[2]))
                : throw new ArgumentException("This place in a list is not one that the ledger wrote.", nameof(text));
        }

        public string ToText() => string.Create(CultureInfo.InvariantCulture, $"{Partition}{Separator}{Row}{Separator}{Token}");

        private static string? Text(string part) => part.Length == 0 ? null : part;
    }
}
