using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync;

/// <summary>
/// Both sides of a comparison as small entries in temporary files, partitioned by a hash of the contentId. A contentId and a
/// content are known by the first 16 bytes of their SHA-256: two different ones are as unlikely to meet as the hashes themselves.
/// </summary>
internal sealed class PlanSpill : IDisposable
{
    /// <summary>With 100 million items a partition has some 75 MiB.</summary>
    public const int Partitions = 64;

    private const int LongestContentEntry = 32 + 1 + sizeof(ushort) + ushort.MaxValue;

    private readonly DirectoryInfo _folder;
    private readonly SpillFile[] _items;
    private readonly SpillFile[] _contents;
    private readonly byte[] _entry = new byte[LongestContentEntry];

    private PlanSpill(DirectoryInfo folder)
    {
        _folder = folder;
        _items = [.. Enumerable.Range(0, Partitions).Select(i => new SpillFile(Path.Combine(folder.FullName, $"items-{i}")))];
        _contents = [.. Enumerable.Range(0, Partitions).Select(i => new SpillFile(Path.Combine(folder.FullName, $"contents-{i}")))];
    }

    public static PlanSpill Create(string temporaryFolder)
    {
        Directory.CreateDirectory(temporaryFolder);
        return new PlanSpill(Directory.CreateDirectory(Path.Combine(temporaryFolder, $"plan-{Path.GetRandomFileName()}")));
    }

    /// <summary>An item of the catalog; null where it is unsound. One caller at a time.</summary>
    public void AddItem(string contentId, ContentItem? item, long ordinal)
    {
        Span<byte> hash = stackalloc byte[ContentHash.Size];
        item?.Hash.CopyTo(hash);
        var entry = new PlanItem(PlanKey.Of(contentId), MemoryMarshal.Read<PlanKey>(hash), ordinal, item?.ContentStatus);
        _items[entry.Key.Partition].Append(MemoryMarshal.AsBytes(new ReadOnlySpan<PlanItem>(in entry)));
    }

    /// <summary>A content of the ledger. One caller at a time.</summary>
    public void AddContent(IndexedContent content, DateTimeOffset writtenAt)
    {
        Span<byte> hash = stackalloc byte[ContentHash.Size];
        content.Hash.CopyTo(hash);
        var key = PlanKey.Of(content.ContentId);
        var traits = (content.ContentStatus == ContentStatus.Valid ? PlanTraits.Listed : 0)
            | (content is { State: SyncState.Parked, ParkReason: not ParkReason.Rejected } ? PlanTraits.GivenUp : 0)
            | (content.AcceptedAt > writtenAt ? PlanTraits.Newer : 0);
        MemoryMarshal.Write(_entry, in key);
        hash[..16].CopyTo(_entry.AsSpan(16));
        _entry[32] = (byte)traits;
        var length = Encoding.UTF8.GetBytes(content.ContentId, _entry.AsSpan(35));
        BinaryPrimitives.WriteUInt16LittleEndian(_entry.AsSpan(33), (ushort)length);
        _contents[key.Partition].Append(_entry.AsSpan(0, 35 + length));
    }

    /// <summary>To be called between the last entry and the first reading.</summary>
    public void Complete()
    {
        foreach (var file in _items.Concat(_contents)) file.Complete();
    }

    public PlanItem[] Items(int partition)
    {
        using var stream = _items[partition].OpenRead();
        var items = new PlanItem[stream.Length / PlanItem.Size];
        stream.ReadExactly(MemoryMarshal.AsBytes(items.AsSpan()));
        return items;
    }

    public IEnumerable<PlanContent> Contents(int partition)
    {
        using var stream = _contents[partition].OpenRead();
        var head = new byte[35];
        while (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length)
        {
            var id = new byte[BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(33))];
            stream.ReadExactly(id);
            yield return new PlanContent(MemoryMarshal.Read<PlanKey>(head), MemoryMarshal.Read<PlanKey>(head.AsSpan(16)), (PlanTraits)head[32], id);
        }
    }

    public void Dispose()
    {
        foreach (var file in _items.Concat(_contents)) file.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>Written from start to end. There is a file only for what does not fit the buffer.</summary>
    private sealed class SpillFile(string path) : IDisposable
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
            : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None, 64 * 1024);

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

/// <summary>The first 16 bytes of a SHA-256.</summary>
internal readonly record struct PlanKey(ulong High, ulong Low)
{
    public int Partition => (int)(High % PlanSpill.Partitions);

    public int Lane(int lanes) => (int)(Low % (ulong)lanes);

    /// <summary>Of a contentId.</summary>
    public static PlanKey Of(string contentId)
    {
        const int Short = 256;
        Span<byte> text = stackalloc byte[Short];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.TryGetBytes(contentId, text, out var length) ? text[..length] : Encoding.UTF8.GetBytes(contentId), hash);
        return MemoryMarshal.Read<PlanKey>(hash);
    }
}

/// <summary>An item of the catalog.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PlanItem(PlanKey key, PlanKey hash, long ordinal, ContentStatus? status)
{
    public const int Size = 40;

    private ulong _rest = ((ulong)ordinal << 8) | (status switch { null => Unsound, ContentStatus.Valid => IsListed, _ => 0 });

    private const byte Unsound = 1;
    private const byte IsListed = 2;
    private const byte IsMatched = 4;
    private const byte IsAmbiguous = 8;

    public readonly PlanKey Key { get; } = key;

    public readonly PlanKey Hash { get; } = hash;

    /// <summary>Its place in the catalog, from 0.</summary>
    public readonly long Ordinal => (long)(_rest >> 8);

    public readonly bool IsSound => (_rest & Unsound) == 0;

    public readonly bool Listed => (_rest & IsListed) != 0;

    /// <summary>The ledger holds it.</summary>
    public bool Matched { readonly get => (_rest & IsMatched) != 0; set => Set(IsMatched, value); }

    /// <summary>Other lines of the catalog say something else of the same content; the ledger tells by revision which counts.</summary>
    public bool Ambiguous { readonly get => (_rest & IsAmbiguous) != 0; set => Set(IsAmbiguous, value); }

    private void Set(byte flag, bool value) => _rest = value ? _rest | flag : _rest & ~(ulong)flag;
}

/// <summary>A content of the ledger.</summary>
/// <param name="Key">Of its contentId.</param>
/// <param name="Hash">Of the newest accepted content.</param>
/// <param name="Traits">How it stands.</param>
/// <param name="ContentId">In UTF-8.</param>
internal readonly record struct PlanContent(PlanKey Key, PlanKey Hash, PlanTraits Traits, ReadOnlyMemory<byte> ContentId);

/// <summary>How a content of the ledger stands.</summary>
[Flags]
internal enum PlanTraits : byte
{
    /// <summary>contentStatus 1.</summary>
    Listed = 1,

    /// <summary>Parked after every retry; a new delivery is worth a try.</summary>
    GivenUp = 2,

    /// <summary>Accepted after the snapshot was written, which therefore cannot know it.</summary>
    Newer = 4,
}
