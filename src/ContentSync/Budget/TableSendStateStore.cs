using System.Text;
using Azure;
using Azure.Data.Tables;
using ContentSync.Diagnostics;
using ContentSync.Ledger;

namespace ContentSync.Budget;

/// <summary>The shared document as one entity of Table storage; any number of processes may write it.</summary>
/// <param name="table">Its table.</param>
/// <param name="time">Clock for a response without a Date header, which Table storage always sends.</param>
public sealed class TableSendStateStore(TableClient table, TimeProvider time) : ISendStateStore
{
    private const string Partition = "send";
    private const string Row = "state";
    private const string Part = "Document";

    /// <summary>A string property may hold 32,768 characters, and the entity as a whole 1 MiB: about 3,500 processes.</summary>
    private const int MaxPartLength = 32_000;

    /// <summary>Creates the table if it does not exist.</summary>
    /// <exception cref="SendStateUnavailableException">It cannot be created.</exception>
    public async Task CreateIfNotExistsAsync(CancellationToken cancellationToken) =>
        await GuardAsync(() => table.CreateIfNotExistsAsync(cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken)
    {
        var found = await GuardAsync(
            () => table.GetEntityIfExistsAsync<TableEntity>(Partition, Row, cancellationToken: cancellationToken),
            cancellationToken).ConfigureAwait(false);
        var now = found.GetRawResponse().Headers.Date ?? time.GetUtcNow();
        return found.HasValue ? new StoredSendState(Read(found.Value!), found.Value!.ETag.ToString(), now) : new(new SharedSendState(), null, now);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken)
    {
        var entity = new TableEntity(Partition, Row) { [StoredFormat.Property] = StoredFormat.Current };
        var parts = SharedSendStateText.Write(state).Chunk(MaxPartLength).ToArray();
        for (var i = 0; i < parts.Length; i++) entity[Name(i)] = new string(parts[i]);
        try
        {
            await (tag is null
                ? table.AddEntityAsync(entity, cancellationToken)
                : table.UpdateEntityAsync(entity, new ETag(tag), TableUpdateMode.Replace, cancellationToken)).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            return false;
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw Unreachable(fault, cancellationToken);
        }
    }

    private SharedSendState Read(TableEntity entity)
    {
        var json = new StringBuilder();
        for (var i = 0; entity.GetString(Name(i)) is { } part; i++) json.Append(part);
        return SharedSendStateText.Read(json.ToString(), entity.GetInt32(StoredFormat.Property), $"The entity {Row} of the table {table.Name}");
    }

    private Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken) =>
        TableLedgerFault.GuardAsync(call, fault => Unreachable(fault, cancellationToken));

    private SendStateUnavailableException Unreachable(Exception fault, CancellationToken cancellationToken) =>
        new(TableLedgerFault.Of(table, fault, cancellationToken).Message, fault);

    private static string Name(int part) => FormattableString.Invariant($"{Part}{part}");
}
