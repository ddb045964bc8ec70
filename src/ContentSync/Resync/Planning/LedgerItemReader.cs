using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ContentSync.Resync.Planning;

/// <summary>The ledger's side of one partition, from start to end: 35 bytes for each content, and its contentId.</summary>
internal sealed class LedgerItemReader(Stream stream) : IDisposable
{
    /// <summary>Bytes of the longest entry there can be.</summary>
    public const int LongestEntry = Head + ushort.MaxValue;

    private const int Head = 35;
    private const int StateAt = 16;
    private const int TraitsAt = 32;
    private const int LengthAt = 33;

    private byte[] _bytes = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>Writes an entry.</summary>
    /// <returns>The part of <paramref name="entry"/> that holds it.</returns>
    public static ReadOnlySpan<byte> Write(Span<byte> entry, PlanKey key, PlanState state, LedgerItemFlags traits, string contentId)
    {
        MemoryMarshal.Write(entry, in key);
        MemoryMarshal.Write(entry[StateAt..], in state);
        entry[TraitsAt] = (byte)traits;
        var length = Encoding.UTF8.GetBytes(contentId, entry[Head..]);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[LengthAt..], (ushort)length);
        return entry[..(Head + length)];
    }

    /// <summary>Goes to the next content; false where there is none.</summary>
    public bool TryRead(out LedgerPlanItem content)
    {
        content = default;
        if (!Has(Head)) return false;
        var length = Head + BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(_start + LengthAt));
        if (!Has(length)) throw new EndOfStreamException("The plan's own entries end in the middle of one.");
        ReadOnlySpan<byte> entry = _bytes.AsSpan(_start, length);
        content = new LedgerPlanItem(MemoryMarshal.Read<PlanKey>(entry), MemoryMarshal.Read<PlanState>(entry[StateAt..]), (LedgerItemFlags)entry[TraitsAt], entry[Head..]);
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

/// <summary>A content of the ledger.</summary>
/// <param name="key">Of its contentId.</param>
/// <param name="state">The newest accepted one.</param>
/// <param name="traits">How it stands.</param>
/// <param name="contentId">In UTF-8. Valid until the next content is read.</param>
internal readonly ref struct LedgerPlanItem(PlanKey key, PlanState state, LedgerItemFlags traits, ReadOnlySpan<byte> contentId)
{
    public PlanKey Key { get; } = key;

    public PlanState State { get; } = state;

    public LedgerItemFlags Flags { get; } = traits;

    public ReadOnlySpan<byte> ContentId { get; } = contentId;
}

/// <summary>How a content of the ledger stands.</summary>
[Flags]
internal enum LedgerItemFlags : byte
{
    /// <summary>contentStatus 1.</summary>
    Listed = 1,

    /// <summary>Parked after every retry; a new delivery is worth a try.</summary>
    Parked = 2,

    /// <summary>Accepted after the snapshot was written, which therefore cannot know it.</summary>
    Newer = 4,

    /// <summary>AlipayHK acknowledged it.</summary>
    Acknowledged = 8,
}
