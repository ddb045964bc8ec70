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
    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken)
    {
        var file = new FileInfo(Name);
        if (!file.Exists) return null;
        var stream = Open(Name);
        await using (stream.ConfigureAwait(false))
        {
            return new FileSnapshot(Name, await DigestAsync(stream, cancellationToken).ConfigureAwait(false), file.Length, file.LastWriteTimeUtc);
        }
    }

    /// <summary>The current file, for planning only: without a digest, which would need another read of the file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ICatalogSnapshot Look(string path)
    {
        var file = new FileInfo(Path.GetFullPath(path));
        return new FileSnapshot(file.FullName, "", file.Length, file.LastWriteTimeUtc);
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
