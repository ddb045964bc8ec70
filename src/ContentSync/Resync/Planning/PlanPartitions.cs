using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Both sides of a comparison as small entries in temporary files, partitioned by contentId. A contentId is represented by 16 bytes: a
/// collision is as unlikely as one between halves of SHA-256 values. 8 bytes of an item's hash are enough: it is compared only with the
/// hash of another version of the same item.
/// </summary>
internal sealed class PlanPartitions : IDisposable
{
    /// <summary>With 100 million items, a partition is about 75 MiB.</summary>
    public const int Partitions = 64;

    private readonly DirectoryInfo _folder;
    private readonly PartitionFile[] _items;
    private readonly PartitionFile[] _ledgerItems;
    private readonly byte[] _entry = new byte[LedgerItemReader.MaxEntryBytes];

    private PlanPartitions(DirectoryInfo folder)
    {
        _folder = folder;
        _items = [.. Enumerable.Range(0, Partitions).Select(i => new PartitionFile(Path.Combine(folder.FullName, $"items-{i}")))];
        _ledgerItems = [.. Enumerable.Range(0, Partitions).Select(i => new PartitionFile(Path.Combine(folder.FullName, $"ledger-{i}")))];
    }

    public static PlanPartitions Create(string temporaryFolder)
    {
        Directory.CreateDirectory(temporaryFolder);
        return new PlanPartitions(Directory.CreateDirectory(Path.Combine(temporaryFolder, $"plan-{Path.GetRandomFileName()}")));
    }

    /// <summary>Adds items of the catalog. One caller at a time.</summary>
    /// <returns>Always true.</returns>
    public bool Add(ReadOnlySpan<PlanItem> items)
    {
        foreach (ref readonly var item in items)
            _items[item.Key.Partition].Append(MemoryMarshal.AsBytes(new ReadOnlySpan<PlanItem>(in item)));
        return true;
    }

    /// <summary>Adds an item of the ledger. One caller at a time.</summary>
    public void AddLedgerItem(ScannedItem item, DateTimeOffset writtenAt)
    {
        var key = PlanKey.Of(item.ContentId);
        var flags = (item.ContentStatus == ContentStatus.Valid ? LedgerItemFlags.Listed : 0)
            | (item is { State: SyncState.Parked, ParkReason: not ParkReason.Rejected } ? LedgerItemFlags.Parked : 0)
            | (item.State == SyncState.Synchronized ? LedgerItemFlags.Acknowledged : 0)
            | (item.AcceptedAt > writtenAt ? LedgerItemFlags.Newer : 0);
        var state = new PlanState(item.Hash, item.Order.HighestNumber, item.Order.ChangedAt);
        _ledgerItems[key.Partition].Append(LedgerItemReader.Write(_entry, key, state, flags, item.ContentId));
    }

    /// <summary>Ends the writing. Call it after the last entry and before the first read.</summary>
    public void Complete()
    {
        foreach (var file in _items.Concat(_ledgerItems)) file.Complete();
    }

    /// <summary>Reads the catalog's side of a partition.</summary>
    /// <param name="partition">From 0.</param>
    /// <param name="items">Receives the items; replaced by a larger array if necessary.</param>
    /// <returns>The number of items.</returns>
    public int ReadItems(int partition, ref PlanItem[] items)
    {
        using var stream = _items[partition].OpenRead();
        var count = (int)(stream.Length / PlanItem.Size);
        if (items.Length < count) items = new PlanItem[count + (count / 8)];
        stream.ReadExactly(MemoryMarshal.AsBytes(items.AsSpan(0, count)));
        return count;
    }

    /// <summary>Opens the ledger's side of a partition.</summary>
    public LedgerItemReader OpenLedgerItems(int partition) => new(_ledgerItems[partition].OpenRead());

    public void Dispose()
    {
        foreach (var file in _items.Concat(_ledgerItems)) file.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>Written sequentially. Creates a file only if the buffer is too small.</summary>
    private sealed class PartitionFile(string path) : IDisposable
    {
        private const int BufferSize = 32 * 1024;

        private readonly MemoryStream _buffer = new();
        private FileStream? _file;

        public void Append(ReadOnlySpan<byte> entry)
        {
            if (_buffer.Length + entry.Length > BufferSize) Flush();
            _buffer.Write(entry);
        }

        public void Complete()
        {
            if (_file is null) return;
            Flush();
            _file.Dispose();
        }

        public Stream OpenRead() => _file is null
            ? new MemoryStream(_buffer.GetBuffer(), 0, (int)_buffer.Length)
            : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None, bufferSize: 0);

        public void Dispose()
        {
            _file?.Dispose();
            _buffer.Dispose();
        }

        private void Flush()
        {
            _file ??= new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            _file.Write(_buffer.GetBuffer().AsSpan(0, (int)_buffer.Length));
            _buffer.SetLength(0);
        }
    }
}

/// <summary>16 bytes that represent a contentId.</summary>
internal readonly record struct PlanKey(ulong High, ulong Low)
{
    private const int Size = 16;

    public int Partition => (int)(Mixed % PlanPartitions.Partitions);

    /// <summary>Evenly distributed, also for contentIds that differ in only a few digits.</summary>
    public ulong Mixed => Mix(High ^ Mix(Low));

    public int Lane(int lanes) => (int)(Mixed % (ulong)lanes);

    /// <summary>
    /// The key of a contentId in UTF-8. A short contentId is its own key, followed by its length; the key of a longer one is 127 bits of
    /// its SHA-256. One bit distinguishes the two kinds.
    /// </summary>
    public static PlanKey Of(ReadOnlySpan<byte> contentId)
    {
        const byte IsHash = 0x80;
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

    // The finalizer of MurmurHash3.
    private static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 33)) * 0xFF51AFD7ED558CCD;
        bits = (bits ^ (bits >> 33)) * 0xC4CEB9FE1A85EC53;
        return bits ^ (bits >> 33);
    }
}

/// <summary>The hash and the revision of a version of an item, in 16 bytes.</summary>
internal readonly record struct PlanState
{
    private readonly ulong _hash;

    // 0 for none; otherwise the number plus one, and its kind in the last bit.
    private readonly ulong _revision;

    public PlanState(ContentHash hash, long? number, DateTimeOffset? time)
    {
        Span<byte> bytes = stackalloc byte[ContentHash.Size];
        hash.CopyTo(bytes);
        _hash = MemoryMarshal.Read<ulong>(bytes);
        var value = (ulong)Math.Clamp(number ?? time?.UtcTicks ?? 0, 0, long.MaxValue - 1);
        _revision = number is null && time is null ? 0 : ((value + 1) << 1) | (number is null ? 0UL : 1);
    }

    public bool LooksLike(PlanState other) => _hash == other._hash;

    /// <summary>Whether its revision is newer than <paramref name="known"/>, which the ledger holds; see <see cref="VersionOrder"/>.</summary>
    public bool IsNewerThan(PlanState known) => _revision != 0 && ((_revision & 1) != (known._revision & 1) || _revision > known._revision);
}

/// <summary>An item of the catalog.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PlanItem(PlanKey key, PlanState state, long ordinal, ContentStatus? status)
{
    public const int Size = 40;

    private ulong _rest = ((ulong)ordinal << 8) | (status switch { null => Invalid, ContentStatus.Valid => IsListed, _ => 0 });

    private const byte Invalid = 1;
    private const byte IsListed = 2;
    private const byte IsMatched = 4;
    private const byte IsAmbiguous = 8;

    public readonly PlanKey Key { get; } = key;

    public readonly PlanState State { get; } = state;

    /// <summary>Its position in the catalog, from 0.</summary>
    public readonly long Ordinal => (long)(_rest >> 8);

    public readonly bool IsValid => (_rest & Invalid) == 0;

    public readonly bool Listed => (_rest & IsListed) != 0;

    /// <summary>The ledger holds it.</summary>
    public bool Matched { readonly get => (_rest & IsMatched) != 0; set => Set(IsMatched, value); }

    /// <summary>Other lines of the catalog hold other versions of the item; the ledger decides by revision which one counts.</summary>
    public bool Ambiguous { readonly get => (_rest & IsAmbiguous) != 0; set => Set(IsAmbiguous, value); }

    private void Set(byte flag, bool value) => _rest = value ? _rest | flag : _rest & ~(ulong)flag;
}

