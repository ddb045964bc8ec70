using System.Buffers.Binary;

namespace ContentSync.Content;

/// <summary>
/// SHA-256 of an item's canonical form: contentType, contentStatus and contentInfo. Member order, white space and string escapes do not
/// change it; contentId and revision are not part of it.
/// </summary>
public readonly record struct ContentHash
{
    /// <summary>Length of a hash in bytes.</summary>
    public const int Size = 32;

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <param name="sha256">Exactly <see cref="Size"/> bytes.</param>
    /// <exception cref="ArgumentException">The span does not have <see cref="Size"/> bytes.</exception>
    public ContentHash(ReadOnlySpan<byte> sha256)
    {
        if (sha256.Length != Size) throw new ArgumentException($"A content hash must have {Size} bytes, not {sha256.Length}.", nameof(sha256));
        _a = BinaryPrimitives.ReadUInt64BigEndian(sha256);
        _b = BinaryPrimitives.ReadUInt64BigEndian(sha256[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(sha256[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(sha256[24..]);
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _d);
    }

    /// <summary>Returns the 32 bytes in a new array.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Returns 64 lower-case hex digits.</summary>
    public override string ToString() => $"{_a:x16}{_b:x16}{_c:x16}{_d:x16}";
}
