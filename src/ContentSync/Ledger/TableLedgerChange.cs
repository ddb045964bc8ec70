using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>A change of one record on its way into the table: what it is to be made into, whatever is found stored.</summary>
/// <param name="key">Where the record is.</param>
/// <param name="writeId">This change's own; stored with the record.</param>
/// <param name="apply">The rule. Called again on what others have written meanwhile; gives no record where nothing is to be written.</param>
internal sealed class TableLedgerChange<TResult>(TableLedgerKey key, string writeId, Func<SyncRecord?, (SyncRecord? Next, TResult Result)> apply)
{
    private SyncRecord? _stored;
    private SyncRecord? _next;

    public TableLedgerKey Key => key;

    public string WriteId => writeId;

    /// <summary>What came of it. Valid once it is settled.</summary>
    public TResult Result { get; private set; } = default!;

    /// <summary>The record as it is stored then.</summary>
    public SyncRecord? Record => _stored;

    /// <summary>Whether the write is to replace the stored entity, for it brings a body, or to be merged into it.</summary>
    public bool WithBody => _stored is null || !_next!.Body.Equals(_stored.Body);

    /// <summary>Takes notice of what is stored. True where that settles it.</summary>
    /// <param name="stored">The record, or null where there is none.</param>
    /// <param name="storedWriteId">Of the write that made it.</param>
    public bool Apply(SyncRecord? stored, string? storedWriteId)
    {
        // A write whose answer was lost is sent again by the client, and then refused: it met itself.
        var wrote = _next is not null && storedWriteId == writeId;
        _stored = stored;
        if (wrote) return true;

        (_next, Result) = apply(stored);
        return _next is null;
    }

    /// <exception cref="BodyTooLargeException">The body does not fit into an entity.</exception>
    public TableTransactionAction ToAction()
    {
        var entity = TableLedgerEntity.Of(_next!, key, writeId, WithBody);
        if (_stored is null) return new TableTransactionAction(TableTransactionActionType.Add, entity);
        var kind = WithBody ? TableTransactionActionType.UpdateReplace : TableTransactionActionType.UpdateMerge;
        return new TableTransactionAction(kind, entity, new ETag(_stored.ETag));
    }

    /// <summary>The write was done.</summary>
    public void MarkWritten(string etag) => _stored = _next! with { ETag = etag };
}
