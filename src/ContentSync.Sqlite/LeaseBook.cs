using System.Collections.Concurrent;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The leases in force. They are kept in memory only: the ledger has one owner, and a lease dies with it.
/// </summary>
internal sealed class LeaseBook(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Queue<(string ContentId, SyncLease Lease)> _settling = new();
    private readonly List<(string ContentId, Entry? Before)> _undo = [];

    /// <summary>Contents in flight.</summary>
    public int Count => _entries.Count;

    /// <summary>Keeps a lease that no transaction can take back.</summary>
    public void Grant(SyncRecord leased) => _entries[leased.ContentId] = new Entry(leased.Lease!, leased.RequestId, leased.Attempts);

    /// <summary>Keeps what the record says of its lease, as part of the open transaction.</summary>
    public void Keep(SyncRecord record)
    {
        ForgetCommitted();
        if (record.Lease is { LeaseId: SyncTransitions.LateEffectLeaseId } settling) _settling.Enqueue((record.ContentId, settling));
        var before = _entries.TryGetValue(record.ContentId, out var entry) ? entry : (Entry?)null;
        if (record.Lease is null && before is null) return;
        _undo.Add((record.ContentId, before));
        if (record.Lease is null) _entries.TryRemove(record.ContentId, out _);
        else Grant(record);
    }

    /// <summary>The record as the file has it, with its lease and the attempt that the lease counts.</summary>
    public SyncRecord Complete(SyncRecord record)
    {
        if (!_entries.TryGetValue(record.ContentId, out var entry)) return record;
        return record with { Lease = entry.Lease, Attempts = record.RequestId == entry.RequestId ? entry.Attempts : record.Attempts };
    }

    /// <summary>What was kept since the last call holds.</summary>
    public void Commit() => _undo.Clear();

    /// <summary>What was kept since then does not hold: its transaction failed.</summary>
    public void Rollback()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            if (_undo[i].Before is { } before) _entries[_undo[i].ContentId] = before;
            else _entries.TryRemove(_undo[i].ContentId, out _);
        }

        _undo.Clear();
    }

    // Nobody takes these over, and nobody gives them back.
    private void ForgetCommitted()
    {
        while (_settling.TryPeek(out var oldest) && oldest.Lease.ExpiresAt <= time.GetUtcNow())
        {
            _settling.Dequeue();
            if (_entries.TryGetValue(oldest.ContentId, out var entry) && entry.Lease == oldest.Lease) _entries.TryRemove(oldest.ContentId, out _);
        }
    }

    private readonly record struct Entry(SyncLease Lease, string RequestId, int Attempts);
}
