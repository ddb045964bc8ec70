using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;

namespace ContentSync.Resync.Planning;

/// <summary>
/// An item of the catalog as a plan keeps it. A contentId is represented by 16 bytes: a collision is as unlikely as one between halves of
/// SHA-256 values. 8 bytes of an item's hash are enough: it is compared only with the hash of another version of the same item.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PlanItem(PlanKey key, PlanState state, long ordinal, ContentStatus? status)
{
    public const int Size = 40;

    private ulong _rest = ((ulong)ordinal << 8) | (status switch { null => Invalid, ContentStatus.Valid => IsListed, _ => 0 });

    private const byte Invalid = 1;
    private const byte IsListed = 2;
    private const byte IsMatched = 4;
    private const byte Dropped = 8;
    private const byte Selected = 16;

    public readonly PlanKey Key { get; } = key;

    public readonly PlanState State { get; } = state;

    /// <summary>Its position in the catalog, from 0.</summary>
    public readonly long Ordinal => (long)(_rest >> 8);

    public readonly bool IsValid => (_rest & Invalid) == 0;

    public readonly bool Listed => (_rest & IsListed) != 0;

    /// <summary>The ledger holds it.</summary>
    public bool Matched { readonly get => (_rest & IsMatched) != 0; set => Set(IsMatched, value); }

    /// <summary>Another place of the catalog holds the version of the item that counts.</summary>
    public bool IsDropped { readonly get => (_rest & Dropped) != 0; set => Set(Dropped, value); }

    /// <summary>The plan selects it.</summary>
    public bool IsSelected { readonly get => (_rest & Selected) != 0; set => Set(Selected, value); }

    private void Set(byte flag, bool value) => _rest = value ? _rest | flag : _rest & ~(ulong)flag;
}

/// <summary>16 bytes that represent a contentId.</summary>
internal readonly record struct PlanKey(ulong High, ulong Low)
{
    private const int Size = 16;
    private const byte IsHash = 0x80;

    /// <summary>Evenly distributed, also for contentIds that differ in only a few digits.</summary>
    public ulong Mixed => Mix(High ^ Mix(Low));

    /// <summary>Whether the contentId is too long to be its own key.</summary>
    public bool IsHashed => (Low >> 56 & IsHash) != 0;

    public int Lane(int lanes) => (int)(Mixed % (ulong)lanes);

    /// <summary>
    /// The key of a contentId in UTF-8. A short contentId is its own key, followed by its length; the key of a longer one is 127 bits of
    /// its SHA-256. One bit distinguishes the two kinds.
    /// </summary>
    public static PlanKey Of(ReadOnlySpan<byte> contentId)
    {
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        if (contentId.Length < Size)
        {
            key.Clear();
            contentId.CopyTo(key);
            key[Size - 1] = (byte)contentId.Length;
        }
        else
        {
            SHA256.HashData(contentId, key);
            key[Size - 1] |= IsHash;
        }

        return MemoryMarshal.Read<PlanKey>(key);
    }

    /// <summary>The key of a contentId.</summary>
    public static PlanKey Of(string contentId)
    {
        const int Short = 256;
        Span<byte> text = stackalloc byte[Short];
        return Of(Encoding.UTF8.TryGetBytes(contentId, text, out var length) ? text[..length] : Encoding.UTF8.GetBytes(contentId));
    }

    /// <summary>The contentId, if it is its own key.</summary>
    public string ContentId()
    {
        Span<byte> key = stackalloc byte[Size];
        MemoryMarshal.Write(key, in this);
        return Encoding.UTF8.GetString(key[..key[Size - 1]]);
    }

    // The finalizer of MurmurHash3.
    private static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 33)) * 0xFF51AFD7ED558CCD;
        bits = (bits ^ (bits >> 33)) * 0xC4CEB9FE1A85EC53;
        return bits ^ (bits >> 33);
    }
}

/// <summary>The hash and the version of an item of the catalog, in 16 bytes.</summary>
internal readonly record struct PlanState
{
    private readonly ulong _hash;

    // 0 for none; otherwise the number, or the UTC ticks of the time, plus one, and 1 in the last bit for a number.
    private readonly ulong _version;

    public PlanState(ContentHash hash, long? number, DateTimeOffset? givenTime)
    {
        _hash = ShortHash(hash);
        if (number is { } known) _version = (((ulong)known + 1) << 1) | 1;
        else if (givenTime is { } time) _version = ((ulong)time.UtcTicks + 1) << 1;
    }

    public bool HasVersion => _version != 0;

    /// <summary>8 bytes of a hash.</summary>
    public static ulong ShortHash(ContentHash hash)
    {
        Span<byte> bytes = stackalloc byte[ContentHash.Size];
        hash.CopyTo(bytes);
        return MemoryMarshal.Read<ulong>(bytes);
    }

    /// <summary>Its version, if the catalog is as of <paramref name="asOf"/>.</summary>
    public ChangeVersion VersionAsOf(DateTimeOffset asOf)
    {
        if (!HasVersion) return new ChangeVersion(null, null, asOf);
        var value = (long)(_version >> 1) - 1;
        return (_version & 1) != 0
            ? new ChangeVersion(value, null, asOf)
            : new ChangeVersion(null, new DateTimeOffset(value, TimeSpan.Zero), asOf);
    }

    public bool LooksLike(PlanState other) => _hash == other._hash;

    public bool LooksLike(ulong shortHash) => _hash == shortHash;
}
