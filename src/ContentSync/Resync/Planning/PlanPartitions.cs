using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Both sides of a comparison as small entries in temporary files, partitioned by contentId. A contentId is known by 16 bytes: two
/// different ones are as unlikely to meet as halves of a SHA-256. Of a content's hash 8 bytes do: it meets none but its own predecessor.
/// </summary>
internal sealed class PlanPartitions : IDisposable
{
    /// <summary>With 100 million items a partition has some 75 MiB.</summary>
    public const int Partitions = 64;

    private readonly DirectoryInfo _folder;
    private readonly PartitionFile[] _items;
    private readonly PartitionFile[] _contents;
    private readonly byte[] _entry = new byte[LedgerItemReader.LongestEntry];

    private PlanPartitions(DirectoryInfo folder)
    {
        _folder = folder;
        _items = [.. Enumerable.Range(0, Partitions).Select(i => new PartitionFile(Path.Combine(folder.FullName, $"items-{i}")))];
        _contents = [.. Enumerable.Range(0, Partitions).Select(i => new PartitionFile(Path.Combine(folder.FullName, $"contents-{i}")))];
    }

    public static PlanPartitions Create(string temporaryFolder)
    {
        Directory.CreateDirectory(temporaryFolder);
        return new PlanPartitions(Directory.CreateDirectory(Path.Combine(temporaryFolder, $"plan-{Path.GetRandomFileName()}")));
    }

    /// <summary>Items of the catalog. One caller at a time.</summary>
    /// <returns>True.</returns>
    public bool Add(ReadOnlySpan<PlanItem> items)
    {
        foreach (ref readonly var item in items) _items[item.Key.Partition].Append(MemoryMarshal.AsBytes(new ReadOnlySpan<PlanItem>(in item)));
        return true;
    }

    /// <summary>A content of the ledger. One caller at a time.</summary>
    public void AddLedgerItem(ScannedItem content, DateTimeOffset writtenAt)
    {
        var key = PlanKey.Of(content.ContentId);
        var traits = (content.ContentStatus == ContentStatus.Valid ? LedgerItemFlags.Listed : 0)
            | (content is { State: SyncState.Parked, ParkReason: not ParkReason.Rejected } ? LedgerItemFlags.Parked : 0)
            | (content.State == SyncState.Synchronized ? LedgerItemFlags.Acknowledged : 0)
            | (content.AcceptedAt > writtenAt ? LedgerItemFlags.Newer : 0);
        _contents[key.Partition].Append(LedgerItemReader.Write(_entry, key, new PlanState(content.Hash, content.Revision), traits, content.ContentId));
    }

    /// <summary>To be called between the last entry and the first reading.</summary>
    public void Complete()
    {
        foreach (var file in _items.Concat(_contents)) file.Complete();
    }

    /// <summary>The catalog's side of a partition.</summary>
    /// <param name="partition">From 0.</param>
    /// <param name="items">Where they go; replaced where they need more room.</param>
    /// <returns>How many they are.</returns>
    public int ReadItems(int partition, ref PlanItem[] items)
    {
        using var stream = _items[partition].OpenRead();
        var count = (int)(stream.Length / PlanItem.Size);
        if (items.Length < count) items = new PlanItem[count + (count / 8)];
        stream.ReadExactly(MemoryMarshal.AsBytes(items.AsSpan(0, count)));
        return count;
    }

    /// <summary>The ledger's side of a partition.</summary>
    public LedgerItemReader OpenLedgerItems(int partition) => new(_contents[partition].OpenRead());

    public void Dispose()
    {
        foreach (var file in _items.Concat(_contents)) file.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>Written from start to end. There is a file only for what does not fit the buffer.</summary>
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

/// <summary>16 bytes that tell contentIds, or contents, apart.</summary>
internal readonly record struct PlanKey(ulong High, ulong Low)
{
    private const int Size = 16;

    public int Partition => (int)(Mixed % PlanPartitions.Partitions);

    /// <summary>Evenly spread, also over contentIds that differ in a few digits.</summary>
    public ulong Mixed => Mix(High ^ Mix(Low));

    public int Lane(int lanes) => (int)(Mixed % (ulong)lanes);

    /// <summary>
    /// Of a contentId in UTF-8. One that is short is its own key, with its length behind it; of a longer one it is the first 127
    /// bits of its SHA-256. One bit tells the two kinds apart.
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

    /// <summary>Of a contentId.</summary>
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

/// <summary>What a content looks like, and which revision of it that is, in 16 bytes.</summary>
internal readonly record struct PlanState
{
    private readonly ulong _hash;

    // 0 for none; else one more than the number, and its kind in the last bit.
    private readonly ulong _revision;

    public PlanState(ContentHash hash, Revision? revision)
    {
        Span<byte> bytes = stackalloc byte[ContentHash.Size];
        hash.CopyTo(bytes);
        _hash = MemoryMarshal.Read<ulong>(bytes);
        _revision = revision is { } known ? (((ulong)Math.Clamp(known.Value, 0, long.MaxValue - 1) + 1) << 1) | (ulong)known.Kind : 0;
    }

    public bool LooksLike(PlanState other) => _hash == other._hash;

    /// <summary>Whether it brings a revision that the ledger, holding <paramref name="known"/>, has yet to hear of; see <see cref="Revision.CompareTo"/>.</summary>
    public bool IsNewerThan(PlanState known) => _revision != 0 && ((_revision & 1) != (known._revision & 1) || _revision > known._revision);
}

/// <summary>An item of the catalog.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PlanItem(PlanKey key, PlanState state, long ordinal, ContentStatus? status)
{
    public const int Size = 40;

    private ulong _rest = ((ulong)ordinal << 8) | (status switch { null => Unsound, ContentStatus.Valid => IsListed, _ => 0 });

    private const byte Unsound = 1;
    private const byte IsListed = 2;
    private const byte IsMatched = 4;
    private const byte IsAmbiguous = 8;

    public readonly PlanKey Key { get; } = key;

    public readonly PlanState State { get; } = state;

    /// <summary>Its place in the catalog, from 0.</summary>
    public readonly long Ordinal => (long)(_rest >> 8);

    public readonly bool IsValid => (_rest & Unsound) == 0;

    public readonly bool Listed => (_rest & IsListed) != 0;

    /// <summary>The ledger holds it.</summary>
    public bool Matched { readonly get => (_rest & IsMatched) != 0; set => Set(IsMatched, value); }

    /// <summary>Other lines of the catalog say something else of the same content; the ledger tells by revision which counts.</summary>
    public bool Ambiguous { readonly get => (_rest & IsAmbiguous) != 0; set => Set(IsAmbiguous, value); }

    private void Set(byte flag, bool value) => _rest = value ? _rest | flag : _rest & ~(ulong)flag;
}

