using System.Security.Cryptography;

namespace ContentSync.Resync;

/// <summary>A catalog in one file.</summary>
/// <param name="path">The file.</param>
public sealed class FileCatalogSource(string path) : ICatalogSource
{
    /// <inheritdoc/>
    public string Name { get; } = Path.GetFullPath(path);

    /// <inheritdoc/>
    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken)
    {
        var file = new FileInfo(Name);
        if (!file.Exists) return null;
        var stream = Open(Name);
        await using (stream.ConfigureAwait(false))
        {
            var digest = await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false);
            return new FileSnapshot(Name, Convert.ToHexStringLower(digest), file.Length, file.LastWriteTimeUtc);
        }
    }

    private static FileStream Open(string path) => new(path, new FileStreamOptions
    {
        Access = FileAccess.Read,
        Share = FileShare.Read,
        Options = FileOptions.SequentialScan,
        BufferSize = 0,
    });

    private sealed class FileSnapshot(string path, string digest, long length, DateTime writtenAt) : ICatalogSnapshot
    {
        public string Name => Path.GetFileName(path);

        public string Digest => digest;

        public DateTimeOffset WrittenAt => writtenAt;

        public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult<Stream>(Open(path));

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken)
        {
            var file = new FileInfo(path);
            return ValueTask.FromResult(file.Exists && file.Length == length && file.LastWriteTimeUtc == writtenAt);
        }
    }
}
