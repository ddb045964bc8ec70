using ContentSync.Catalog;
using ContentSync.Mapping;

namespace ContentSync.Local.CommandLine;

/// <summary>A catalog on disk or on standard input, and how far it has been read.</summary>
internal sealed class CatalogFile : IAsyncDisposable
{
    private readonly Stream _file;

    private CatalogFile(string name, Stream file, Stream bytes, long? length, DeclaredSnapshot? snapshot)
    {
        _file = file;
        Snapshot = snapshot;
        Name = name;
        Stream = bytes;
        Length = length;
    }

    public string Name { get; }

    /// <summary>Lets a plan be made before the catalog is read; null when it can be read only once.</summary>
    public DeclaredSnapshot? Snapshot { get; }

    /// <summary>The bytes, which are compared at their end with what was declared.</summary>
    public Stream Stream { get; }

    /// <summary>What the mapping found; null for a catalog in our own form.</summary>
    public MappingTally? Tally { get; private init; }

    /// <summary>In bytes; null when it is not known in advance.</summary>
    public long? Length { get; }

    /// <summary>As of when the catalog is; its lines count as changed at that time.</summary>
    public required DateTimeOffset AsOf { get; init; }

    /// <summary>Where <see cref="AsOf"/> comes from.</summary>
    public required AsOfSource AsOfSource { get; init; }

    /// <summary>Whether the file was packed, or says how many items it holds: then it can be damaged or incomplete without it showing.</summary>
    public required bool MustBeChecked { get; init; }

    /// <summary>Bytes read so far.</summary>
    public long Position => Length is null ? 0 : _file.Position;

    /// <param name="path">The file; - for standard input.</param>
    /// <param name="declared">What the command line declares about it.</param>
    /// <param name="mapping">Makes items of its records; null for a catalog in our own form, or to read the records themselves.</param>
    /// <param name="time">Standard input without a time of its own is as of now.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CommandException">The file cannot be opened, or what it says about itself is wrong.</exception>
    public static async Task<CatalogFile> OpenAsync(
        string path, CatalogDeclaration declared, CatalogMapping? mapping, TimeProvider time, CancellationToken cancellationToken)
    {
        var tally = mapping is null ? null : new MappingTally();
        try
        {
            if (path == "-")
            {
                return await OpenOnceAsync("standard input", Console.OpenStandardInput(), declared, Mapped, tally, time, cancellationToken)
                    .ConfigureAwait(false);
            }

            var file = new FileStream(path, new FileStreamOptions
            {
                Access = FileAccess.Read,
                Share = FileShare.Read,
                Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
                BufferSize = 1 << 16,
            });
            if (!file.CanSeek)
            {
                return await OpenOnceAsync(Path.GetFileName(path), file, declared, Mapped, tally, time, cancellationToken)
                    .ConfigureAwait(false);
            }

            var found = await FileCatalogSource.LookAsync(path, cancellationToken).ConfigureAwait(false);
            if (mapping is not null) found = new MappedSnapshot(found, mapping, tally!);
            var snapshot = new DeclaredSnapshot(found, declared, overridesNewer: false);
            var isPacked = file.ReadByte() == 0x1F;
            file.Position = 0;
            return new CatalogFile(Path.GetFileName(path), file, snapshot.Check(Mapped(file)), file.Length, snapshot)
            {
                Tally = tally,
                AsOf = snapshot.AsOf,
                AsOfSource = snapshot.AsOfSource,
                MustBeChecked = isPacked || snapshot.Declared.ProvesCompleteness,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CatalogFormatException)
        {
            throw new CommandException($"The catalog '{path}' cannot be read: {e.Message}", e);
        }

        Stream Mapped(Stream feed) => mapping is null ? feed : MappedSnapshot.Open(feed, mapping, tally!);
    }

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync().ConfigureAwait(false);
        await _file.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<CatalogFile> OpenOnceAsync(
        string name,
        Stream stream,
        CatalogDeclaration declared,
        Func<Stream, Stream> map,
        MappingTally? tally,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var start = new byte[4 * 1024];
        var length = await stream.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var firstLine = await CatalogReader.PeekAsync(new MemoryStream(start, 0, length), cancellationToken).ConfigureAwait(false);
        var bytes = new StartedStream(start.AsMemory(0, length), stream);
        return new CatalogFile(name, stream, DeclaredSnapshot.Check(map(bytes), declared), null, null)
        {
            Tally = tally,
            AsOf = declared.AsOf ?? firstLine?.AsOf ?? time.GetUtcNow(),
            AsOfSource = declared.AsOf is not null ? AsOfSource.Option : firstLine?.AsOf is not null ? AsOfSource.FirstLine : AsOfSource.TimeWritten,
            MustBeChecked = false,
        };
    }

    /// <summary>A stream whose start was read already.</summary>
    private sealed class StartedStream(ReadOnlyMemory<byte> start, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _start = start;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_start.IsEmpty) return rest.ReadAsync(buffer, cancellationToken);
            var length = Math.Min(buffer.Length, _start.Length);
            _start[..length].CopyTo(buffer);
            _start = _start[length..];
            return ValueTask.FromResult(length);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
