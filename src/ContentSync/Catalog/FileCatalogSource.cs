using System.Buffers;
using System.Security.Cryptography;

namespace ContentSync.Catalog;

/// <summary>A catalog in one file.</summary>
/// <param name="path">Absolute, or relative to the working folder.</param>
public sealed class FileCatalogSource(string path) : ICatalogSource
{
    /// <inheritdoc/>
    public string Name { get; } = Path.GetFullPath(path);

    /// <inheritdoc/>
    public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) => FindAsync(Name, isDigested: true, cancellationToken);

    /// <summary>The current file, for planning only: without a digest, which would need another read of the file.</summary>
    /// <exception cref="CatalogSourceException">It does not exist, or may not be read.</exception>
    /// <exception cref="CatalogFormatException">Its first line or its side file describes it incorrectly.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async ValueTask<ICatalogSnapshot> LookAsync(string path, CancellationToken cancellationToken) =>
        await FindAsync(Path.GetFullPath(path), isDigested: false, cancellationToken).ConfigureAwait(false)
        ?? throw new CatalogSourceException($"There is no file {path}.");

    private static async ValueTask<ICatalogSnapshot?> FindAsync(string path, bool isDigested, CancellationToken cancellationToken)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            return !Directory.Exists(path)
                ? null
                : throw new CatalogSourceException($"{path} is a folder; name the catalog file in it.");
        }

        try
        {
            var stream = Open(path);
            await using (stream.ConfigureAwait(false))
            {
                var digest = isDigested ? await DigestAsync(stream, cancellationToken).ConfigureAwait(false) : "";
                stream.Position = 0;
                var firstLine = await CatalogReader.PeekAsync(stream, cancellationToken).ConfigureAwait(false);
                var sideFile = await SideFileAsync(path + CatalogDeclaration.SideFileSuffix, cancellationToken).ConfigureAwait(false);
                return new FileSnapshot(path, digest, file.Length, file.LastWriteTimeUtc, firstLine?.AsOf, sideFile);
            }
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CatalogSourceException($"{path} may not be read. Give this program's user the right to read it.", e);
        }
    }

    private static async ValueTask<CatalogDeclaration?> SideFileAsync(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) return null;
        return CatalogDeclaration.OfSideFile(await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false), $"The file {path}");
    }

    // Replaces SHA256.HashDataAsync, which reads 4 KiB at a time: a system call and a thread switch for each.
    private static async Task<string> DigestAsync(FileStream stream, CancellationToken cancellationToken)
    {
        const int BytesPerRead = 1024 * 1024;
        var buffer = ArrayPool<byte>.Shared.Rent(BytesPerRead);
        try
        {
            using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
                sha256.AppendData(buffer.AsSpan(0, read));
            return Convert.ToHexStringLower(sha256.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static FileStream Open(string path) => new(path, new FileStreamOptions
    {
        Access = FileAccess.Read,
        Share = FileShare.Read,
        Options = FileOptions.SequentialScan,
        BufferSize = 0,
    });

    private sealed class FileSnapshot(
        string path, string digest, long length, DateTime writtenAt, DateTimeOffset? firstLineAsOf, CatalogDeclaration? sideFile) : ICatalogSnapshot
    {
        public string Name => Path.GetFileName(path);

        public string Digest => digest;

        public DateTimeOffset WrittenAt => writtenAt;

        public DateTimeOffset AsOf => firstLineAsOf ?? sideFile?.AsOf ?? WrittenAt;

        public AsOfSource AsOfSource =>
            firstLineAsOf is not null ? AsOfSource.FirstLine : sideFile?.AsOf is not null ? AsOfSource.SideFile : AsOfSource.TimeWritten;

        public CatalogDeclaration Declared => sideFile ?? new CatalogDeclaration();

        public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult<Stream>(Open(path));

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken)
        {
            var file = new FileInfo(path);
            return ValueTask.FromResult(file.Exists && file.Length == length && file.LastWriteTimeUtc == writtenAt);
        }
    }
}
