using ContentSync.Catalog;

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

    /// <summary>For planning it before it is read; null where it can be read only once.</summary>
    public ICatalogSnapshot? Snapshot { get; }

    public Stream Stream { get; }

    /// <summary>In bytes; null where it is not known beforehand.</summary>
    public long? Length { get; }

    /// <summary>Bytes read so far.</summary>
    public long Position => Length is null ? 0 : Stream.Position;

    /// <exception cref="CommandException">It cannot be opened.</exception>
    public static CatalogFile Open(string path)
    {
        if (path == "-") return new CatalogFile("standard input", Console.OpenStandardInput(), null, null);
        try
        {
            var file = new FileStream(path, new FileStreamOptions { Access = FileAccess.Read, Share = FileShare.Read, Options = FileOptions.Asynchronous | FileOptions.SequentialScan, BufferSize = 1 << 16 });
            return new CatalogFile(Path.GetFileName(path), file, file.CanSeek ? file.Length : null, file.CanSeek ? FileCatalogSource.Look(path) : null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The catalog '{path}' cannot be read: {e.Message}", e);
        }
    }

    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}
