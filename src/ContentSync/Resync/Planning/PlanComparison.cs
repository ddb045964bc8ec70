using System.Runtime.InteropServices;
using System.Text;
using ContentSync.Catalog;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Compares partitions one after the other, with the catalog's side of one partition in memory: <see cref="BytesPerItem"/> bytes per item
/// of the catalog, divided by <see cref="PlanPartitioning.Partitions"/>. Not thread-safe.
/// </summary>
internal sealed class PlanComparison(PlanSegments catalog, IPlanLedger ledger, PlanRules rules)
{
    /// <summary>The entry, and two hash table slots of four bytes.</summary>
    public const int BytesPerItem = PlanItem.Size + (2 * sizeof(int));

    private readonly Dictionary<PlanKey, List<int>> _duplicates = [];
    private byte[] _entries = [];
    private int[] _slots = [];
    private int _count;
    private int _slotCount;
    private ComparedPartition _compared = new();

    private Span<PlanItem> Items => MemoryMarshal.Cast<byte, PlanItem>(_entries.AsSpan(0, _count * PlanItem.Size));

    public async Task<ComparedPartition> RunAsync(int partition, CancellationToken cancellationToken)
    {
        (_entries, var length) = await catalog.ReadEntriesAsync(partition, _entries, cancellationToken).ConfigureAwait(false);
        _count = length / PlanItem.Size;
        _compared = new ComparedPartition { Items = _count };
        _duplicates.Clear();
        Index();
        await ledger.ReadAsync(partition, Match, cancellationToken).ConfigureAwait(false);
        SelectRest();
        if (_duplicates.Count > 0) await AddDuplicatesAsync(partition, cancellationToken).ConfigureAwait(false);
        return _compared;
    }

    private void Index()
    {
        _slotCount = _count * 2;
        if (_slots.Length < _slotCount) _slots = new int[_slotCount + (_slotCount / 8)];
        _slots.AsSpan(0, _slotCount).Clear();
        for (var i = 0; i < _count; i++) Add(i);
    }

    private void Add(int index)
    {
        var items = Items;
        ref var item = ref items[index];
        ref var slot = ref Slot(item.Key);
        if (slot == 0)
        {
            slot = index + 1;
            return;
        }

        ref var before = ref items[slot - 1];
        if (!item.IsValid)
        {
            item.IsDropped = true;
            return;
        }

        if (before.IsValid)
        {
            _compared.Repeated++;
            if (!_duplicates.TryGetValue(item.Key, out var places)) _duplicates.Add(item.Key, places = [slot - 1]);
            places.Add(index);
            if (!rules.Replaces(item.State, before.State))
            {
                item.IsDropped = true;
                return;
            }
        }

        before.IsDropped = true;
        slot = index + 1;
    }

    private void Match(LedgerPlanItem ledgerItem)
    {
        var listed = (ledgerItem.Flags & LedgerItemFlags.Listed) != 0;
        if (listed) _compared.Listed++;
        var index = _slotCount == 0 ? 0 : Slot(ledgerItem.Key);
        if (index == 0)
        {
            if (rules.Delists(ledgerItem)) Delist(ledgerItem);
            else if (listed && rules.DelistsAbsent) _compared.AbsentNewer++;
            return;
        }

        ref var item = ref Items[index - 1];
        item.Matched = true;
        if (!item.IsValid)
        {
            if (listed && rules.DelistsRefused) _compared.Delisting++;
            return;
        }

        var isSame = item.State.LooksLike(ledgerItem);
        if (isSame && rules.IsSettled(item.State, ledgerItem))
        {
            AddUnchanged(ref item, ledgerItem);
            return;
        }

        item.IsSelected = true;
        if (!isSame && !rules.Wins(item.State, ledgerItem.Order))
        {
            // It is submitted although it loses: the ledger must learn that this version was seen.
            _compared.Newer++;
            _compared.Remarks.Add(PlanRemark.Of(item.Ordinal, PlanRemarkKind.Newer, Encoding.UTF8.GetString(ledgerItem.ContentId)));
            return;
        }

        if (listed && !item.Listed && rules.DelistsNothing)
        {
            item.IsSelected = false;
            _compared.Withheld++;
            return;
        }

        _compared.Changed++;
        if (listed && !item.Listed) _compared.Delisting++;
    }

    private void Delist(LedgerPlanItem ledgerItem)
    {
        if (!rules.WithholdsDelistings && rules.Waiting(ledgerItem) is { } waiting)
        {
            _compared.Absent++;
            _compared.Remarks.Add(PlanRemark.Of(waiting));
            return;
        }

        _compared.Delist(ledgerItem.ContentId, rules.WithholdsDelistings);
    }

    private void AddUnchanged(ref PlanItem item, LedgerPlanItem ledgerItem)
    {
        _compared.Unchanged++;
        if ((ledgerItem.Flags & LedgerItemFlags.Pending) != 0) _compared.Pending++;
        if ((ledgerItem.Flags & (LedgerItemFlags.Rejected | LedgerItemFlags.Parked)) != 0)
        {
            _compared.Parked++;
            _compared.Remarks.Add(PlanRemark.Of(item.Ordinal, PlanRemarkKind.Parked, Encoding.UTF8.GetString(ledgerItem.ContentId)));
        }

        item.IsSelected = rules.Teaches(item.State, ledgerItem);
    }

    private void SelectRest()
    {
        var last = 0L;
        foreach (ref var item in Items)
        {
            if (item is { IsValid: true, IsDropped: false, Matched: false })
            {
                if (item.State.IsDelistingById) _compared.Unknown++;
                else _compared.New++;
                item.IsSelected = true;
            }

            if (!item.IsSelected) continue;
            _compared.Select(item.Ordinal - last);
            last = item.Ordinal;
        }
    }

    private async ValueTask AddDuplicatesAsync(int partition, CancellationToken cancellationToken)
    {
        var places = _duplicates.Values.SelectMany(indexes => indexes).ToDictionary(index => index, _ => default((long Line, string? ContentId)));
        await catalog.ReadPlacesAsync(partition, _entries.AsMemory(0, _count * PlanItem.Size), Read, cancellationToken).ConfigureAwait(false);
        foreach (var (key, indexes) in _duplicates) AddDuplicate(key, indexes, places);

        void Read(int index, long line, ReadOnlySpan<byte> contentId)
        {
            if (places.ContainsKey(index)) places[index] = (line, contentId.IsEmpty ? null : Encoding.UTF8.GetString(contentId));
        }
    }

    private void AddDuplicate(PlanKey key, List<int> indexes, Dictionary<int, (long Line, string? ContentId)> places)
    {
        var items = Items;
        var first = items[indexes[0]];
        var differs = false;
        foreach (var index in indexes) differs |= !items[index].State.LooksLike(first.State);
        if (differs) _compared.DuplicatesDiffering++;
        else _compared.DuplicatesSame++;
        var duplicate = new ResyncDuplicate(
            places[indexes[0]].ContentId ?? key.ContentId(),
            indexes.ConvertAll(index => Place(index, places[index].Line)),
            Place(Slot(key) - 1, places[Slot(key) - 1].Line),
            differs);
        _compared.Remarks.Add(PlanRemark.Of(first.Ordinal, duplicate));
    }

    private string Place(int index, long line) => new CatalogEntry(line, catalog.IsArray ? Items[index].Ordinal : null, default).ToString();

    private ref int Slot(PlanKey key)
    {
        var items = Items;
        var slot = (int)(((key.Mixed >> 32) * (ulong)_slotCount) >> 32);
        while (_slots[slot] != 0 && items[_slots[slot] - 1].Key != key) slot = slot + 1 == _slotCount ? 0 : slot + 1;
        return ref _slots[slot];
    }
}
