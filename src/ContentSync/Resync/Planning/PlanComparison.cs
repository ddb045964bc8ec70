namespace ContentSync.Resync.Planning;

/// <summary>
/// Compares the partitions one after the other, with the catalog's side of one partition in memory:
/// <see cref="BytesPerItem"/> bytes per item of the catalog, divided by <see cref="PlanPartitions.Partitions"/>.
/// </summary>
internal sealed class PlanComparison(CatalogPlan plan, PlanScope scope)
{
    /// <summary>The entry, and two hash table slots of four bytes.</summary>
    public const int BytesPerItem = PlanItem.Size + (2 * sizeof(int));

    /// <summary>Delists nothing: too many of the catalog's items are invalid to trust what it lacks.</summary>
    public bool WithholdsDelistings { get; init; }

    private PlanItem[] _items = [];
    private int[] _slots = [];
    private int _slotCount;

    private long _new;
    private long _changed;
    private long _unchanged;
    private long _repeated;
    private long _vanished;
    private long _listed;
    private long _delisting;
    private long _withheld;

    /// <summary>Counts of the partitions compared so far.</summary>
    public PlanCounts Counts => new()
    {
        New = _new,
        Changed = _changed,
        Unchanged = _unchanged,
        Repeated = _repeated,
        Vanished = _vanished,
        Listed = _listed,
        Delisting = _delisting,
        Withheld = _withheld,
    };

    public void Run(PlanPartitions partitions, int partition)
    {
        var count = partitions.ReadItems(partition, ref _items);
        _slotCount = count * 2;
        if (_slots.Length < _slotCount) _slots = new int[_items.Length * 2];
        _slots.AsSpan(0, _slotCount).Clear();
        for (var i = 0; i < count; i++) Add(i);
        using (var ledgerItems = partitions.OpenLedgerItems(partition))
        {
            while (ledgerItems.TryRead(out var ledgerItem)) Match(ledgerItem);
        }

        foreach (var slot in _slots.AsSpan(0, _slotCount))
        {
            if (slot == 0) continue;
            ref var item = ref _items[slot - 1];
            if (!item.IsValid || item.Matched) continue;
            _new++;
            plan.Select(item.Ordinal);
        }
    }

    private void Add(int index)
    {
        ref var item = ref _items[index];
        ref var slot = ref Slot(item.Key);
        if (slot == 0)
        {
            slot = index + 1;
            return;
        }

        ref var before = ref _items[slot - 1];
        if (!before.IsValid) slot = index + 1;
        if (!before.IsValid || !item.IsValid) return;
        _repeated++;
        if (before.State == item.State && !before.Ambiguous) return;

        // Only their revisions decide which of them counts, and only the ledger can compare those: select them all, in order.
        before.Ambiguous = true;
        plan.Select(before.Ordinal);
        plan.Select(item.Ordinal);
    }

    private void Match(LedgerPlanItem ledgerItem)
    {
        var listed = (ledgerItem.Flags & LedgerItemFlags.Listed) != 0;
        if (listed) _listed++;
        var index = _slotCount == 0 ? 0 : Slot(ledgerItem.Key);
        if (index == 0)
        {
            if (scope == PlanScope.Additions || !listed || (ledgerItem.Flags & LedgerItemFlags.Newer) != 0) return;
            if (WithholdsDelistings)
            {
                _withheld++;
                return;
            }

            _vanished++;
            _delisting++;
            plan.AddNamed(ledgerItem.ContentId);
            return;
        }

        ref var item = ref _items[index - 1];
        item.Matched = true;
        if (!item.IsValid) return;
        if (item.State.LooksLike(ledgerItem.State) && !item.Ambiguous && IsInSync(ledgerItem.Flags))
        {
            _unchanged++;

            // Nothing is sent, but the ledger must learn the revision: a late update with a revision in between must not win.
            if (item.State.IsNewerThan(ledgerItem.State)) plan.Select(item.Ordinal);
            return;
        }

        if (listed && !item.Listed && WithholdsDelistings)
        {
            _withheld++;
            return;
        }

        _changed++;
        if (listed && !item.Listed) _delisting++;
        plan.Select(item.Ordinal);
    }

    private bool IsInSync(LedgerItemFlags flags) =>
        scope == PlanScope.Additions ? (flags & LedgerItemFlags.Acknowledged) != 0 : (flags & LedgerItemFlags.Parked) == 0;

    private ref int Slot(PlanKey key)
    {
        var slot = (int)(((key.Mixed >> 32) * (ulong)_slotCount) >> 32);
        while (_slots[slot] != 0 && _items[_slots[slot] - 1].Key != key) slot = slot + 1 == _slotCount ? 0 : slot + 1;
        return ref _slots[slot];
    }
}
