using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ContentSync.Resync.Planning;

/// <summary>Reads the ledger's side of one partition from start to end: 35 bytes per item, and its contentId.</summary>
internal sealed class LedgerItemReader(Stream stream) : IDisposable
{
    /// <summary>Size of the largest possible entry.</summary>
    public const int MaxEntryBytes = Head + ushort.MaxValue;

    private const int Head = 35;
    private const int StateAt = 16;
    private const int FlagsAt = 32;
    private const int LengthAt = 33;

    private byte[] _bytes = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>Writes an entry.</summary>
    /// <returns>The part of <paramref name="entry"/> that was written.</returns>
    public static ReadOnlySpan<byte> Write(Span<byte> entry, PlanKey key, PlanState state, LedgerItemFlags flags, string contentId)
    {
        MemoryMarshal.Write(entry, in key);
        MemoryMarshal.Write(entry[StateAt..], in state);
        entry[FlagsAt] = (byte)flags;
        var length = Encoding.UTF8.GetBytes(contentId, entry[Head..]);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[LengthAt..], (ushort)length);
        return entry[..(Head + length)];
    }

    /// <summary>Reads the next item; false at the end.</summary>
    public bool TryRead(out LedgerPlanItem item)
    {
        item = default;
        if (!Has(Head)) return false;
        var length = Head + BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(_start + LengthAt));
        if (!Has(length)) throw new EndOfStreamException("A temporary file of the plan is truncated.");
        ReadOnlySpan<byte> entry = _bytes.AsSpan(_start, length);
        item = new LedgerPlanItem(
            MemoryMarshal.Read<PlanKey>(entry),
            MemoryMarshal.Read<PlanState>(entry[StateAt..]),
            (LedgerItemFlags)entry[FlagsAt],
            entry[Head..]);
        _start += length;
        return true;
    }

    public void Dispose() => stream.Dispose();

    private bool Has(int bytes)
    {
        if (_end - _start >= bytes) return true;
        if (_bytes.Length < bytes) Array.Resize(ref _bytes, bytes);
        _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
        (_start, _end) = (0, _end - _start);
        _end += stream.ReadAtLeast(_bytes.AsSpan(_end), bytes - _end, throwOnEndOfStream: false);
        return _end >= bytes;
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
}
