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
    private bool _ignoresIndexRow;

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

    /// <summary>Call this when the store holds no index row although the record says so.</summary>
    public void ForgetIndexRow() => _ignoresIndexRow = true;

    /// <summary>The number of actions that <see cref="ToActions"/> returned last; the record's own is the first.</summary>
    public int ActionCount { get; private set; }

    /// <summary>The writes of the record and, if it changes, of its index row. They must succeed or fail together.</summary>
    /// <param name="addsIndexRow">Whether a record that has no index row gets one; an index row that exists is kept up to date in any case.</param>
    /// <exception cref="BodyTooLargeException">The body does not fit into an entity.</exception>
    public IReadOnlyList<TableTransactionAction> ToActions(bool addsIndexRow)
    {
        var had = _stored is { HasIndexRow: true } && !_ignoresIndexRow;
        var needs = TableLedgerIndexRow.IsNeededFor(_next!) && (addsIndexRow || had);
        if (_next!.HasIndexRow != needs) _next = _next with { HasIndexRow = needs };
        var actions = new List<TableTransactionAction>(2) { RecordAction() };
        if (needs && !(had && TableLedgerIndexRow.IsSame(_stored!, _next)))
            actions.Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, TableLedgerIndexRow.Of(ListedItem.Of(_next), key)));
        else if (had && !needs)
            actions.Add(new TableTransactionAction(TableTransactionActionType.Delete, TableLedgerIndexRow.Keys(key), ETag.All));
        ActionCount = actions.Count;
        return actions;
    }

    /// <summary>Call this after the write has succeeded.</summary>
    public void MarkWritten(string etag) => _stored = _next! with { ETag = etag };

    private TableTransactionAction RecordAction()
    {
        var entity = TableLedgerEntity.Of(_next!, key, writeId, WithBody);
        if (_stored is null) return new TableTransactionAction(TableTransactionActionType.Add, entity);
        var kind = WithBody ? TableTransactionActionType.UpdateReplace : TableTransactionActionType.UpdateMerge;
        return new TableTransactionAction(kind, entity, new ETag(_stored.ETag));
    }
}
