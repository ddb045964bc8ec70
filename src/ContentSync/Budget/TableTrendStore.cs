using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using ContentSync.Diagnostics.Trends;
using ContentSync.Ledger;

namespace ContentSync.Budget;

/// <summary>
/// The trends in Table storage, in the table of the shared send state: one partition, one entity for each process and quarter hour in which it
/// was busy. Any number of processes may write.
/// </summary>
/// <param name="table">Its table.</param>
public sealed class TableTrendStore(TableClient table) : ITrendStore
{
    private const string Partition = "trends";
    private const string Minutes = "Minutes";
    private const string QuarterFormat = "yyyyMMddHHmm";

    /// <summary>Operations of one transaction.</summary>
    private const int MaxDeletes = 100;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(TrendRow row, CancellationToken cancellationToken)
    {
        var entity = new TableEntity(Partition, $"{Key(row.Quarter)}-{row.Process}") { [Minutes] = row.Minutes };
        await GuardAsync(() => table.UpsertEntityAsync(entity, TableUpdateMode.Replace, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TrendRow> ReadAsync(DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey ge {Key(from)}");
        await foreach (var entity in QueryAsync(filter, [TableKeys.Row, Minutes], cancellationToken).ConfigureAwait(false))
        {
            var parts = entity.RowKey.Split('-', 2);
            if (parts.Length == 2 && entity.GetString(Minutes) is { } minutes && Quarter(parts[0]) is { } quarter)
                yield return new TrendRow(quarter, parts[1], minutes);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeleteBeforeAsync(DateTimeOffset quarter, CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey lt {Key(quarter)}");
        var old = new List<TableTransactionAction>(MaxDeletes);
        await foreach (var entity in QueryAsync(filter, [TableKeys.Partition, TableKeys.Row], cancellationToken).ConfigureAwait(false))
        {
            old.Add(new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(Partition, entity.RowKey), ETag.All));
            if (old.Count < MaxDeletes) continue;
            await DeleteAsync(old, cancellationToken).ConfigureAwait(false);
            old.Clear();
        }

        if (old.Count > 0) await DeleteAsync(old, cancellationToken).ConfigureAwait(false);
    }

    // Another process may be deleting the same rows, and whatever remains is deleted a quarter of an hour later.
    private async Task DeleteAsync(List<TableTransactionAction> rows, CancellationToken cancellationToken)
    {
        try
        {
            await table.SubmitTransactionAsync(rows, cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            // Deleted by another process.
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw Unavailable(fault, cancellationToken);
        }
    }

    private async IAsyncEnumerable<TableEntity> QueryAsync(
        string filter, string[] select, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pages = table
            .QueryAsync<TableEntity>(filter, select: select, cancellationToken: cancellationToken)
            .AsPages()
            .GetAsyncEnumerator(cancellationToken);
        await using (pages.ConfigureAwait(false))
        {
            while (await GuardAsync(() => pages.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
            {
                foreach (var entity in pages.Current.Values) yield return entity;
            }
        }
    }

    private Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken) =>
        TableLedgerFault.GuardAsync(call, fault => Unavailable(fault, cancellationToken));

    private TrendsUnavailableException Unavailable(Exception fault, CancellationToken cancellationToken) =>
        new(TableLedgerFault.Of(table, fault, cancellationToken).Message, fault);

    private static string Key(DateTimeOffset quarter) => quarter.UtcDateTime.ToString(QuarterFormat, CultureInfo.InvariantCulture);

    private static DateTimeOffset? Quarter(string key) => DateTimeOffset.TryParseExact(
        key, QuarterFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var quarter) ? quarter : null;

    private static class TableKeys
    {
        public const string Partition = "PartitionKey";
        public const string Row = "RowKey";
    }
}
