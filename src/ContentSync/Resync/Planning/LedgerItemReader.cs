using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>Reads the ledger's side of a partition from start to end: 35 bytes per item, and its contentId.</summary>
/// <param name="entries">What <see cref="Write"/> wrote.</param>
internal ref struct LedgerItemReader(ReadOnlySpan<byte> entries)
{
    /// <summary>Size of the largest possible entry.</summary>
    public const int MaxEntryBytes = Head + ushort.MaxValue;

    private const int Head = 35;
    private const int StateAt = 16;
    private const int FlagsAt = 32;
    private const int LengthAt = 33;

    private ReadOnlySpan<byte> _rest = entries;

    /// <summary>Writes an entry.</summary>
    /// <returns>The part of <paramref name="entry"/> that was written.</returns>
    public static ReadOnlySpan<byte> Write(Span<byte> entry, PlanKey key, ScannedItem item, DateTimeOffset writtenAt)
    {
        var flags = (item.ContentStatus == ContentStatus.Valid ? LedgerItemFlags.Listed : 0)
            | (item is { State: SyncState.Parked, ParkReason: not ParkReason.Rejected } ? LedgerItemFlags.Parked : 0)
            | (item is { State: SyncState.Parked, ParkReason: ParkReason.Rejected } ? LedgerItemFlags.Rejected : 0)
            | (item.State == SyncState.Pending ? LedgerItemFlags.Pending : 0)
            | (item.State == SyncState.Synchronized ? LedgerItemFlags.Acknowledged : 0)
            | (item.AcceptedAt > writtenAt ? LedgerItemFlags.Newer : 0);
        var state = new PlanState(item.Hash, item.Revision);
        MemoryMarshal.Write(entry, in key);
        MemoryMarshal.Write(entry[StateAt..], in state);
        entry[FlagsAt] = (byte)flags;
        var length = Encoding.UTF8.GetBytes(item.ContentId, entry[Head..]);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[LengthAt..], (ushort)length);
        return entry[..(Head + length)];
    }

    /// <summary>Reads the next item; false at the end.</summary>
    public bool TryRead(out LedgerPlanItem item)
    {
        item = default;
        if (_rest.IsEmpty) return false;
        var length = Head + BinaryPrimitives.ReadUInt16LittleEndian(_rest[LengthAt..]);
        item = new LedgerPlanItem(
            MemoryMarshal.Read<PlanKey>(_rest),
            MemoryMarshal.Read<PlanState>(_rest[StateAt..]),
            (LedgerItemFlags)_rest[FlagsAt],
            _rest[Head..length]);
        _rest = _rest[length..];
        return true;
    }
}

/// <summary>An item of the ledger.</summary>
/// <param name="key">The key of its contentId.</param>
/// <param name="state">Its newest accepted version.</param>
/// <param name="flags">Its state in the ledger.</param>
/// <param name="contentId">In UTF-8. Valid until the next item is read.</param>
internal readonly ref struct LedgerPlanItem(PlanKey key, PlanState state, LedgerItemFlags flags, ReadOnlySpan<byte> contentId)
{
    public PlanKey Key { get; } = key;

    public PlanState State { get; } = state;

    public LedgerItemFlags Flags { get; } = flags;

    public ReadOnlySpan<byte> ContentId { get; } = contentId;
}

/// <summary>The state of an item in the ledger.</summary>
[Flags]
internal enum LedgerItemFlags : byte
{
    /// <summary>contentStatus 1.</summary>
    Listed = 1,

    /// <summary>Parked after its last attempt; sent again with a new run.</summary>
    Parked = 2,

    /// <summary>Accepted after the snapshot was written, so the snapshot cannot contain it.</summary>
    Newer = 4,

    /// <summary>Acknowledged by AlipayHK.</summary>
    Acknowledged = 8,

    /// <summary>Parked because AlipayHK rejected it; not sent again before it changes.</summary>
    Rejected = 16,

    /// <summary>Accepted, and not acknowledged yet.</summary>
    Pending = 32,
}
