using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

namespace ContentSync.Catalog;

/// <summary>
/// Unpacks a file of one or more gzip members, and accepts nothing else in it: <see cref="GZipStream"/> ignores whatever follows a member
/// and does not start like one, so that lines appended to a packed file, or a member whose first byte is damaged, would be missing without
/// a fault. Read only, forward only, asynchronous only.
/// </summary>
/// <param name="packed">Read once, from its current position to its end; stays open.</param>
internal sealed class GzipCatalogStream(Stream packed) : Stream
{
    /// <summary>Max bytes that the inflater gets at once. It may hold one such chunk that it does not need, or does not need all of.</summary>
    private const int ChunkBytes = 8 * 1024;

    private const int BufferBytes = 64 * 1024;

    // CRC-32 and length of the unpacked bytes.
    private const int TrailerBytes = 8;

    private const int HeaderBytes = 10;

    // Extra field, name and comment. RFC 1952 limits only the extra field, to 64 KiB.
    private const int MaxOptionalBytes = 128 * 1024;

    private readonly byte[] _bytes = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private readonly Crc32 _crc = new();
    private int _start;
    private int _end;
    private long _offset;
    private long _memberOffset;
    private long _dataOffset;
    private int _members;
    private bool _isDisposed;
    private DeflateStream? _inflater;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <exception cref="GzipFormatException">Something in the file is not a complete gzip member.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            if (_inflater is null && !await BeginMemberAsync(cancellationToken).ConfigureAwait(false)) return 0;
            int read;
            try
            {
                read = await _inflater!.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidDataException e)
            {
                throw Damaged(e);
            }

            _crc.Add(buffer.Span[..read]);
            if (read > 0) return read;
            await EndMemberAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _inflater?.Dispose();
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        base.Dispose(disposing);
    }

    /// <summary>Reads a member's header.</summary>
    /// <returns>False at the end of the file.</returns>
    private async ValueTask<bool> BeginMemberAsync(CancellationToken cancellationToken)
    {
        _memberOffset = _offset;
        if (!await HasAsync(1, cancellationToken).ConfigureAwait(false)) return false;
        if (!await HasAsync(HeaderBytes, cancellationToken).ConfigureAwait(false) || !IsMember(_bytes.AsSpan(_start, HeaderBytes)))
            throw NotAMember();
        var flags = _bytes[_start + 3];
        Advance(HeaderBytes);
        if ((flags & 4) != 0)
        {
            if (!await HasAsync(sizeof(ushort), cancellationToken).ConfigureAwait(false)) throw Damaged();
            var length = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(_start));
            Advance(sizeof(ushort));
            await SkipAsync(length, cancellationToken).ConfigureAwait(false);
        }

        if ((flags & 8) != 0) await SkipTextAsync(cancellationToken).ConfigureAwait(false);
        if ((flags & 16) != 0) await SkipTextAsync(cancellationToken).ConfigureAwait(false);
        if ((flags & 2) != 0) await SkipAsync(sizeof(ushort), cancellationToken).ConfigureAwait(false);
        _crc.Reset();
        _members++;
        _dataOffset = _offset;
        _inflater = new DeflateStream(new Feed(this), CompressionMode.Decompress);
        return true;
    }

    /// <summary>
    /// Finds the member's trailer. The inflater does not say how much of its input it has used, but the trailer's bytes are known, and they
    /// stand within the last two chunks that it received.
    /// </summary>
    private async ValueTask EndMemberAsync(CancellationToken cancellationToken)
    {
        await _inflater!.DisposeAsync().ConfigureAwait(false);
        _inflater = null;
        var back = (int)Math.Min(Math.Min(2 * ChunkBytes, _start), _offset - _memberOffset - HeaderBytes);
        _start -= back;
        _offset -= back;
        var searched = back + TrailerBytes + HeaderBytes;
        await HasAsync(searched, cancellationToken).ConfigureAwait(false);
        Memory<byte> window = _bytes.AsMemory(_start, Math.Min(searched, _end - _start));
        var end = _crc.Length == 0 ? EndOfEmpty(window.Span, (int)(_dataOffset - _offset)) : -1;
        if (end < 0) end = FindEnd(window.Span, isEndOfFile: window.Length < searched);
        if (end < 0) throw Damaged();
        Advance(end);
    }

    /// <summary>
    /// The trailer of an empty member is all zeros, so bytes after it could be taken for it. The data before it has one of two forms: an empty
    /// block of fixed codes, or an empty stored block.
    /// </summary>
    /// <returns>The offset behind the trailer; negative if the member has another form.</returns>
    private static int EndOfEmpty(ReadOnlySpan<byte> window, int data)
    {
        if (data < 0 || data > window.Length) return -1;
        var bytes = window[data..];
        var length = bytes.StartsWith((ReadOnlySpan<byte>)[3, 0]) ? 2 : bytes.StartsWith((ReadOnlySpan<byte>)[1, 0, 0, 0xFF, 0xFF]) ? 5 : -1;
        if (length < 0 || bytes.Length < length + TrailerBytes) return -1;
        return bytes.Slice(length, TrailerBytes).IndexOfAnyExcept((byte)0) < 0 ? data + length + TrailerBytes : -1;
    }

    /// <returns>The offset behind the trailer; negative if there is none.</returns>
    private int FindEnd(ReadOnlySpan<byte> window, bool isEndOfFile)
    {
        Span<byte> trailer = stackalloc byte[TrailerBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, _crc.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[sizeof(uint)..], (uint)_crc.Length);
        var first = -1;
        for (var from = 0; window[from..].IndexOf(trailer) is >= 0 and var at; from += at + 1)
        {
            // The data may hold the same bytes: the trailer is what the end of the file or another member follows.
            var end = from + at + TrailerBytes;
            var rest = window[end..];
            if (rest.IsEmpty ? isEndOfFile : IsMember(rest)) return end;
            if (first < 0) first = end;
        }

        return first;
    }

    // Method 8 is deflate, the only one that exists; the upper three flags are reserved.
    private static bool IsMember(ReadOnlySpan<byte> bytes) =>
        (bytes.Length < 1 || bytes[0] == 0x1F)
        && (bytes.Length < 2 || bytes[1] == 0x8B)
        && (bytes.Length < 3 || bytes[2] == 8)
        && (bytes.Length < 4 || (bytes[3] & 0xE0) == 0);

    private async ValueTask SkipTextAsync(CancellationToken cancellationToken)
    {
        for (var skipped = 0; skipped < MaxOptionalBytes; skipped++)
        {
            if (!await HasAsync(1, cancellationToken).ConfigureAwait(false)) break;
            var isEnd = _bytes[_start] == 0;
            Advance(1);
            if (isEnd) return;
        }

        throw Damaged();
    }

    private async ValueTask SkipAsync(int bytes, CancellationToken cancellationToken)
    {
        while (bytes > 0)
        {
            if (!await HasAsync(1, cancellationToken).ConfigureAwait(false)) throw Damaged();
            var skipped = Math.Min(bytes, _end - _start);
            Advance(skipped);
            bytes -= skipped;
        }
    }

    private void Advance(int bytes)
    {
        _start += bytes;
        _offset += bytes;
    }

    /// <summary>Reads until this many bytes are available, at most <see cref="BufferBytes"/> less two chunks.</summary>
    /// <returns>False if the file ends before that.</returns>
    private async ValueTask<bool> HasAsync(int bytes, CancellationToken cancellationToken)
    {
        while (_end - _start < bytes)
        {
            if (_end == BufferBytes)
            {
                // The two chunks before stay: the trailer may be in them.
                var keep = Math.Min(_start, 2 * ChunkBytes);
                _bytes.AsSpan(_start - keep, _end - _start + keep).CopyTo(_bytes);
                _end -= _start - keep;
                _start = keep;
            }

            var read = await packed.ReadAsync(_bytes.AsMemory(_end, BufferBytes - _end), cancellationToken).ConfigureAwait(false);
            if (read == 0) return false;
            _end += read;
        }

        return true;
    }

    private GzipFormatException NotAMember() => new(_members == 0
        ? "The gzip data is damaged at its start; compress the file again."
        : string.Create(
            CultureInfo.InvariantCulture,
            $"The packed file has bytes after the end of its gzip data (packed byte {_offset:N0}); "
            + $"a file holds one or more complete gzip members and nothing else, so add lines to the text and compress it again."));

    private GzipFormatException Damaged(Exception? innerException = null) => new(
        string.Create(
            CultureInfo.InvariantCulture,
            $"The gzip data is damaged or ends too early (in the member at packed byte {_memberOffset:N0}); compress the file again."),
        innerException);

    /// <summary>Hands the packed bytes to the inflater, a chunk at a time.</summary>
    private sealed class Feed(GzipCatalogStream owner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!await owner.HasAsync(1, cancellationToken).ConfigureAwait(false)) return 0;
            var length = Math.Min(Math.Min(buffer.Length, ChunkBytes), owner._end - owner._start);
            owner._bytes.AsSpan(owner._start, length).CopyTo(buffer.Span);
            owner.Advance(length);
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
