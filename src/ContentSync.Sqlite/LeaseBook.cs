using System.Collections.Concurrent;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The current leases and late-effect windows. They are kept in memory only, because the ledger has one owner process. Only whether any was
/// left at its end is stored: then the next owner puts all items that the ledger holds into one late-effect window.
/// </summary>
internal sealed class LeaseBook(TimeProvider time, InheritedWindow inherited)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Queue<(string ContentId, SyncLease Lease)> _lateEffects = new();
    private readonly List<(string ContentId, Entry? Before)> _undo = [];

    /// <summary>Number of leases.</summary>
    public int Count => _entries.Count;

    /// <summary>
    /// Whether a request may still take effect at AlipayHK: its attempt has not ended, or its late-effect window has not.
    /// </summary>
    public bool MayTakeEffectLater
    {
        get
        {
            var now = time.GetUtcNow();
            return inherited.EndsAt > now
                || _entries.Values.Any(entry => entry.Lease.LeaseId != SyncTransitions.LateEffectLeaseId || entry.Lease.ExpiresAt > now);
        }
    }

    /// <summary>Sets a lease outside of any transaction; <see cref="Rollback"/> does not undo it.</summary>
    public void Grant(SyncRecord leased) => _entries[leased.ContentId] = new Entry(leased.Lease!, leased.RequestId, leased.Attempts);

    /// <summary>Sets or removes the lease of a record, as part of the open transaction.</summary>
    public void Set(SyncRecord record)
    {
        RemoveEndedWindows();
        if (record.Lease is { LeaseId: SyncTransitions.LateEffectLeaseId } lease) _lateEffects.Enqueue((record.ContentId, lease));
        var before = _entries.TryGetValue(record.ContentId, out var entry) ? entry : (Entry?)null;
        if (record.Lease is null && before is null) return;
        _undo.Add((record.ContentId, before));
        if (record.Lease is null) _entries.TryRemove(record.ContentId, out _);
        else Grant(record);
    }

    /// <summary>Adds the lease to a record that was read from the file, and the attempt that the lease counts.</summary>
    public SyncRecord Complete(SyncRecord record)
    {
        if (!_entries.TryGetValue(record.ContentId, out var entry)) return record;
        return record with { Lease = entry.Lease, Attempts = record.RequestId == entry.RequestId ? entry.Attempts : record.Attempts };
    }

    /// <summary>As <see cref="Complete(SyncRecord)"/>, for an item in a list.</summary>
    public ListedItem Complete(ListedItem item)
    {
        if (!_entries.TryGetValue(item.ContentId, out var entry)) return item;
        return item with
        {
            LeaseExpiresAt = entry.Lease.ExpiresAt,
            Attempts = item.RequestId == entry.RequestId ? entry.Attempts : item.Attempts,
        };
    }

    /// <summary>As <see cref="Complete(SyncRecord)"/>; also adds the window inherited from the previous owner.</summary>
    public SyncRecord Complete(long row, SyncRecord record)
    {
        var completed = Complete(record);
        return completed.Lease is null && row <= inherited.LastRow && inherited.EndsAt > time.GetUtcNow()
            ? completed with { Lease = new SyncLease(SyncTransitions.LateEffectLeaseId, inherited.EndsAt) }
            : completed;
    }

    /// <summary>Makes the changes of the open transaction permanent.</summary>
    public void Commit() => _undo.Clear();

    /// <summary>Undoes the changes of a failed transaction.</summary>
    public void Rollback()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            if (_undo[i].Before is { } before) _entries[_undo[i].ContentId] = before;
            else _entries.TryRemove(_undo[i].ContentId, out _);
        }

        _undo.Clear();
    }

    // No attempt releases the lease of a late-effect window, so it is removed here after it has expired.
    private void RemoveEndedWindows()
    {
        while (_lateEffects.TryPeek(out var oldest) && oldest.Lease.ExpiresAt <= time.GetUtcNow())
        {
            _lateEffects.Dequeue();
            if (_entries.TryGetValue(oldest.ContentId, out var entry) && entry.Lease == oldest.Lease) _entries.TryRemove(oldest.ContentId, out _);
        }
    }

    private readonly record struct Entry(SyncLease Lease, string RequestId, int Attempts);
}
