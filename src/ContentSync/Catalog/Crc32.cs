using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ContentSync.Catalog;

/// <summary>The CRC-32 of gzip (RFC 1952, section 8) and the length of a sequence of bytes; eight bytes per step. Not thread-safe.</summary>
internal sealed class Crc32
{
    private const int Slices = 8;

    private static readonly uint[] Table = CreateTable();

    private uint _state = uint.MaxValue;

    /// <summary>The CRC-32 of the bytes added so far.</summary>
    public uint Value => ~_state;

    /// <summary>Number of bytes added so far.</summary>
    public long Length { get; private set; }

    public void Reset() => (_state, Length) = (uint.MaxValue, 0);

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        var (state, table) = (_state, Table);
        foreach (var stored in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            var word = (BitConverter.IsLittleEndian ? stored : BinaryPrimitives.ReverseEndianness(stored)) ^ state;
            state = table[(7 * 256) + (int)(byte)word]
                ^ table[(6 * 256) + (int)(byte)(word >> 8)]
                ^ table[(5 * 256) + (int)(byte)(word >> 16)]
                ^ table[(4 * 256) + (int)(byte)(word >> 24)]
                ^ table[(3 * 256) + (int)(byte)(word >> 32)]
                ^ table[(2 * 256) + (int)(byte)(word >> 40)]
                ^ table[256 + (int)(byte)(word >> 48)]
                ^ table[(int)(byte)(word >> 56)];
        }

        foreach (var last in bytes[(bytes.Length & ~7)..]) state = table[(byte)(state ^ last)] ^ (state >> 8);
        _state = state;
    }

    private static uint[] CreateTable()
    {
        const uint Polynomial = 0xEDB88320;
        var table = new uint[Slices * 256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value >> 1) ^ ((value & 1) * Polynomial);
            table[i] = value;
        }

        for (var i = 256; i < table.Length; i++) table[i] = table[(byte)table[i - 256]] ^ (table[i - 256] >> 8);
        return table;
    }
}
