using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>A change of one record, applied to the stored state until a write of it succeeds.</summary>
/// <param name="key">Key of the record's entity.</param>
/// <param name="writeId">Unique id of this change; stored with the record.</param>
/// <param name="apply">
/// The rule. Called again after each conflict, with the newly stored record. Returns no record if nothing needs to be written.
/// </param>
internal sealed class TableLedgerChange<TResult>(TableLedgerKey key, string writeId, Func<SyncRecord?, (SyncRecord? Next, TResult Result)> apply)
{
    private SyncRecord? _stored;
    private SyncRecord? _next;

    public TableLedgerKey Key => key;

    public string WriteId => writeId;

    /// <summary>The rule's result. Valid once the change is committed or turned out to be unnecessary.</summary>
    public TResult Result { get; private set; } = default!;

    /// <summary>The stored record; valid at the same time as <see cref="Result"/>.</summary>
    public SyncRecord? Record => _stored;

    /// <summary>Whether the write carries a new body and replaces the entity; otherwise it is merged into the entity.</summary>
    public bool WithBody => _stored is null || !_next!.Body.Equals(_stored.Body);

    /// <summary>Applies the rule to the stored record. Returns true if no write is needed.</summary>
    /// <param name="stored">The stored record; null if there is none.</param>
    /// <param name="storedWriteId">Id of the write that stored it.</param>
    public bool Apply(SyncRecord? stored, string? storedWriteId)
    {
        // Our first write succeeded but its response was lost; the client's retry conflicts with it.
        var isWritten = _next is not null && storedWriteId == writeId;
        _stored = stored;
        if (isWritten) return true;

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

    /// <summary>Call this after the write has succeeded.</summary>
    public void MarkWritten(string etag) => _stored = _next! with { ETag = etag };
}
