namespace ContentSync.Resync;

/// <summary>
/// Compares one partition after the other. In memory is the catalog's side of one partition:
/// <see cref="BytesPerItem"/> bytes per item, of which a partition holds one in <see cref="PlanSpill.Partitions"/>.
/// </summary>
internal sealed class PlanComparison(CatalogPlan plan)
{
    /// <summary>The entry, and two slots of four bytes that find it.</summary>
    public const int BytesPerItem = PlanItem.Size + (2 * sizeof(int));

    private PlanItem[] _items = [];
    private int[] _slots = [];

    public PlanCounts Counts { get; private set; } = new();

    public void Run(PlanItem[] items, IEnumerable<PlanContent> contents)
    {
        _items = items;
        _slots = new int[items.Length * 2];
        for (var i = 0; i < items.Length; i++) Add(i);
        foreach (var content in contents) Match(content);
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            if (_slots[slot] == 0) continue;
            var item = _items[_slots[slot] - 1];
            if (!item.IsSound || item.Matched) continue;
            Counts = Counts with { New = Counts.New + 1 };
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
        if (!before.IsSound) slot = index + 1;
        if (!before.IsSound || !item.IsSound) return;
        Counts = Counts with { Repeated = Counts.Repeated + 1 };
        if (before.Hash == item.Hash && !before.Ambiguous) return;

        // Which of them counts, their revisions tell, and those the ledger knows how to compare: it gets them all, in order.
        before.Ambiguous = true;
        plan.Select(before.Ordinal);
        plan.Select(item.Ordinal);
    }

    private void Match(PlanContent content)
    {
        var listed = content.Traits.HasFlag(PlanTraits.Listed);
        if (listed) Counts = Counts with { Listed = Counts.Listed + 1 };
        var index = _slots.Length == 0 ? 0 : Slot(content.Key);
        if (index == 0)
        {
            if (!listed || content.Traits.HasFlag(PlanTraits.Newer)) return;
            Counts = Counts with { Vanished = Counts.Vanished + 1, Delisting = Counts.Delisting + 1 };
            plan.AddVanished(content.ContentId.Span);
            return;
        }

        ref var item = ref _items[index - 1];
        item.Matched = true;
        if (!item.IsSound) return;
        if (item.Hash == content.Hash && !item.Ambiguous && !content.Traits.HasFlag(PlanTraits.GivenUp))
        {
            Counts = Counts with { Unchanged = Counts.Unchanged + 1 };
            return;
        }

        Counts = Counts with { Changed = Counts.Changed + 1, Delisting = Counts.Delisting + (listed && !item.Listed ? 1 : 0) };
        plan.Select(item.Ordinal);
    }

    private ref int Slot(PlanKey key)
    {
        var slot = (int)(((key.Low >> 32) * (ulong)_slots.Length) >> 32);
        while (_slots[slot] != 0 && _items[_slots[slot] - 1].Key != key) slot = slot + 1 == _slots.Length ? 0 : slot + 1;
        return ref _slots[slot];
    }
}
