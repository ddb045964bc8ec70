using System.Text.Json;
using ContentSync.Catalog;
using ContentSync.Local.Pipeline;
using ContentSync.Mapping;

namespace ContentSync.Local.CommandLine;

/// <summary>A catalog on disk or from standard input, and how far it has been read.</summary>
internal sealed class CatalogFile : IAsyncDisposable
{
    private readonly FileStream _file;
    private readonly DirectoryInfo? _copy;

    private CatalogFile(FileStream file, DeclaredSnapshot snapshot, Stream bytes, DirectoryInfo? copy)
    {
        _file = file;
        _copy = copy;
        Snapshot = snapshot;
        Stream = bytes;
        Length = file.Length;
    }

    public string Name => Snapshot.Name;

    /// <summary>Lets a plan be made before the catalog is read.</summary>
    public DeclaredSnapshot Snapshot { get; }

    /// <summary>The bytes, which are compared at their end with what was declared.</summary>
    public Stream Stream { get; }

    /// <summary>What the mapping found; null for a catalog in our own form.</summary>
    public MappingTally? Tally { get; private init; }

    /// <summary>In bytes.</summary>
    public long Length { get; }

    /// <summary>As of when the catalog is; its lines count as changed at that time.</summary>
    public DateTimeOffset AsOf => Snapshot.AsOf;

    /// <summary>Where <see cref="AsOf"/> comes from.</summary>
    public AsOfSource AsOfSource => Snapshot.AsOfSource;

    /// <summary>Whether the file was packed, or says how many items it holds: then it can be damaged or incomplete without it showing.</summary>
    public required bool MustBeChecked { get; init; }

    /// <summary>Bytes read so far.</summary>
    public long Position => _file.Position;

    /// <summary>
    /// Opens a catalog. What can be read only once, such as standard input, is first copied to the folder for temporary files, readable by its
    /// owner only, because planning needs to read it twice.
    /// </summary>
    /// <param name="path">The file; - for standard input.</param>
    /// <param name="declared">What the command line declares about it.</param>
    /// <param name="mapping">Makes items of its records; null for a catalog in our own form, or to read the records themselves.</param>
    /// <param name="time">Standard input without a time of its own is as of when the reading began.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CommandException">The file cannot be opened, or what it says about itself is wrong.</exception>
    public static async Task<CatalogFile> OpenAsync(
        string path, CatalogDeclaration declared, CatalogMapping? mapping, TimeProvider time, CancellationToken cancellationToken)
    {
        var isInput = path == "-";
        DirectoryInfo? copy = null;
        try
        {
            var file = isInput ? null : Open(path);
            if (file is { CanSeek: true }) return await OpenAsync(file, path, declared, mapping, copy, cancellationToken).ConfigureAwait(false);
            copy = Directory.CreateTempSubdirectory("contentsync-");
            var copied = Path.Combine(copy.FullName, isInput ? "standard input" : Path.GetFileName(path));
            await CopyAsync(file ?? Console.OpenStandardInput(), copied, time, cancellationToken).ConfigureAwait(false);
            return await OpenAsync(Open(copied), copied, declared, mapping, copy, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            copy?.Delete(recursive: true);
            if (e is not (IOException or UnauthorizedAccessException or CatalogFormatException)) throw;
            var what = isInput ? "Standard input" : $"The catalog '{path}'";
            throw new CommandException($"{what} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>
    /// Whether the last line has no line feed and is not complete JSON, as in a file that was cut off. For a catalog with one item per line,
    /// after it was read.
    /// </summary>
    /// <param name="maxLineBytes">How far to look for the beginning of the line.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public async ValueTask<bool> EndsInsideLineAsync(int maxLineBytes, CancellationToken cancellationToken)
    {
        var tail = new byte[(int)Math.Min(Length, maxLineBytes)];
        _file.Position = Length - tail.Length;
        await _file.ReadExactlyAsync(tail, cancellationToken).ConfigureAwait(false);
        var line = tail.AsMemory(tail.AsSpan().LastIndexOf((byte)'\n') + 1);
        return line.Span.ContainsAnyExcept(" \t\r"u8) && !IsJson(line);
    }

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync().ConfigureAwait(false);
        await _file.DisposeAsync().ConfigureAwait(false);
        _copy?.Delete(recursive: true);
    }

    private static async Task<CatalogFile> OpenAsync(
        FileStream file,
        string path,
        CatalogDeclaration declared,
        CatalogMapping? mapping,
        DirectoryInfo? copy,
        CancellationToken cancellationToken)
    {
        var tally = mapping is null ? null : new MappingTally();
        try
        {
            var found = await FileCatalogSource.LookAsync(path, cancellationToken).ConfigureAwait(false);
            if (mapping is not null) found = new MappedSnapshot(found, mapping, tally!);
            var snapshot = new DeclaredSnapshot(found, declared, overridesNewer: false);
            var isPacked = file.ReadByte() == 0x1F;
            file.Position = 0;
            var bytes = mapping is null ? file : MappedSnapshot.Open(file, mapping, tally!);
            return new CatalogFile(file, snapshot, snapshot.Check(bytes), copy)
            {
                Tally = tally,
                MustBeChecked = isPacked || snapshot.Declared.ProvesCompleteness,
            };
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static bool IsJson(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static FileStream Open(string path) => new(path, new FileStreamOptions
    {
        Access = FileAccess.Read,
        Share = FileShare.Read,
        Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
        BufferSize = 1 << 16,
    });

    private static async Task CopyAsync(Stream source, string path, TimeProvider time, CancellationToken cancellationToken)
    {
        // An item may change elsewhere while its export is still being piped in, and that change is newer.
        var began = time.GetUtcNow();
        await using var closingSource = source.ConfigureAwait(false);
        var copy = PrivateFile.Create(path, FileMode.CreateNew);
        await using (copy.ConfigureAwait(false))
        {
            var buffer = new byte[1 << 16];
            while (await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
            {
                try
                {
                    await copy.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                }
                catch (IOException e)
                {
                    throw new IOException(
                        $"Its copy {path} cannot be written: {e.Message} Free space there, or set TMPDIR to another folder.", e);
                }
            }
        }

        File.SetLastWriteTimeUtc(path, began.UtcDateTime);
    }
}
