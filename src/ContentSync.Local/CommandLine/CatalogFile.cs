using ContentSync.Catalog;
using ContentSync.Mapping;

namespace ContentSync.Local.CommandLine;

/// <summary>A catalog on disk or on standard input, and how far it has been read.</summary>
internal sealed class CatalogFile : IAsyncDisposable
{
    private CatalogFile(string name, Stream stream, long? length, ICatalogSnapshot? snapshot)
    {
        Snapshot = snapshot;
        Name = name;
        Stream = stream;
        Length = length;
    }

    public string Name { get; }

    /// <summary>Lets a plan be made before the catalog is read; null when it can be read only once.</summary>
    public ICatalogSnapshot? Snapshot { get; }

    public Stream Stream { get; }

    /// <summary>What the mapping found; null for a catalog in our own form.</summary>
    public MappingTally? Tally { get; private init; }

    /// <summary>In bytes; null when it is not known in advance.</summary>
    public long? Length { get; }

    /// <summary>Bytes read so far.</summary>
    public long Position => Length is null ? 0 : Stream.Position;

    /// <exception cref="CommandException">The file cannot be opened.</exception>
    public static CatalogFile Open(string path)
    {
        if (path == "-") return new CatalogFile("standard input", Console.OpenStandardInput(), null, null);
        try
        {
            var file = new FileStream(path, new FileStreamOptions
            {
                Access = FileAccess.Read,
                Share = FileShare.Read,
                Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
                BufferSize = 1 << 16,
            });
            return file.CanSeek
                ? new CatalogFile(Path.GetFileName(path), file, file.Length, FileCatalogSource.Look(path))
                : new CatalogFile(Path.GetFileName(path), file, null, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The catalog '{path}' cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Opens a catalog that a mapping makes items of.</summary>
    /// <param name="path">File, or - for standard input.</param>
    /// <param name="mapping">Null for a catalog in our own form.</param>
    /// <exception cref="CommandException">The file cannot be opened.</exception>
    public static CatalogFile Open(string path, CatalogMapping? mapping)
    {
        var file = Open(path);
        if (mapping is null) return file;
        var tally = new MappingTally();
        var snapshot = file.Snapshot is { } feed ? new MappedSnapshot(feed, mapping, tally) : null;
        return new CatalogFile(file.Name, MappedSnapshot.Open(file.Stream, mapping, tally), file.Length, snapshot) { Tally = tally };
    }

    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}
