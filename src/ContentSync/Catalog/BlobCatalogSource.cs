using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace ContentSync.Catalog;

/// <summary>
/// The newest blob of a container. Upload a snapshot as one block blob, which becomes visible only when it is complete;
/// a blob that is appended to while it is read is refused.
/// </summary>
/// <param name="container">Only listed and read.</param>
/// <param name="prefix">Only blobs whose names start with it; null for all blobs.</param>
public sealed class BlobCatalogSource(BlobContainerClient container, string? prefix = null) : ICatalogSource
{
    /// <inheritdoc/>
    public string Name { get; } = new UriBuilder(container.Uri) { Query = "" }.Uri + (prefix is null ? "" : "/" + prefix);

    /// <inheritdoc/>
    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken)
    {
        BlobItem? newest = null;
        try
        {
            await foreach (var blob in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, cancellationToken).ConfigureAwait(false))
            {
                if (blob.Properties.LastModified is { } written && written > (newest?.Properties.LastModified ?? DateTimeOffset.MinValue))
                    newest = blob;
            }
        }
        catch (RequestFailedException e)
        {
            throw Fault(Name, e);
        }

        return newest is null
            ? null
            : new BlobSnapshot(container.GetBlobClient(newest.Name), newest.Properties.ETag!.Value, newest.Properties.LastModified!.Value);
    }

    private static IOException Fault(string name, RequestFailedException e) => e.Status == 412
        ? new IOException($"{name} was replaced while it was read.", e)
        : new IOException($"{name} cannot be read: {e.Status} {e.ErrorCode}.", e);

    private sealed class BlobSnapshot(BlobClient blob, ETag etag, DateTimeOffset writtenAt) : ICatalogSnapshot
    {
        private const int BytesPerRead = 4 * 1024 * 1024;

        public string Name => blob.Name;

        // Every write of a blob gives it a new ETag.
        public string Digest { get; } = $"{blob.Name} {etag}";

        public DateTimeOffset WrittenAt => writtenAt;

        public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
        {
            try
            {
                var options = new BlobOpenReadOptions(allowModifications: false)
                {
                    BufferSize = BytesPerRead,
                    Conditions = new BlobRequestConditions { IfMatch = etag },
                };
                return new BlobStream(blob.Name, await blob.OpenReadAsync(options, cancellationToken).ConfigureAwait(false));
            }
            catch (RequestFailedException e)
            {
                throw Fault(blob.Name, e);
            }
        }

        public async ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken)
        {
            try
            {
                var properties = await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false);

                // A listing returns the ETag without the quotation marks that the header has.
                return properties.Value.ETag.ToString().Trim('"') == etag.ToString().Trim('"');
            }
            catch (RequestFailedException e) when (e.Status == 404)
            {
                return false;
            }
            catch (RequestFailedException e)
            {
                throw Fault(blob.Name, e);
            }
        }
    }

    /// <summary>Turns storage faults while reading into an <see cref="IOException"/>.</summary>
    private sealed class BlobStream(string name, Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (RequestFailedException e)
            {
                throw Fault(name, e);
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
