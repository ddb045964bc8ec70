using Azure;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace ContentSync.Catalog;

/// <summary>
/// The newest blob of a container. Upload a snapshot as one block blob, which becomes visible only when it is complete;
/// a blob that is appended to while it is read is refused. Blobs in <see cref="MappingFolder"/> are no catalogs.
/// </summary>
/// <param name="container">Only listed and read.</param>
/// <param name="prefix">Only blobs whose names start with it; null for all blobs.</param>
public sealed class BlobCatalogSource(BlobContainerClient container, string? prefix = null) : ICatalogSource
{
    /// <summary>Begins the name of every blob that is a mapping or one of its look-up tables.</summary>
    public const string MappingFolder = "mappings/";

    private const int BytesPerPeek = 64 * 1024;

    /// <inheritdoc/>
    public string Name { get; } = new UriBuilder(container.Uri) { Query = "" }.Uri + (prefix is null ? "" : "/" + prefix);

    /// <inheritdoc/>
    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken)
    {
        BlobItem? newest = null;
        try
        {
            await foreach (var blob in container.GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix, cancellationToken).ConfigureAwait(false))
            {
                if (blob.Name.StartsWith(MappingFolder, StringComparison.Ordinal)) continue;
                if (blob.Properties.LastModified is { } written && written > (newest?.Properties.LastModified ?? DateTimeOffset.MinValue))
                    newest = blob;
            }
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw Fault(Name, e, cancellationToken);
        }

        if (newest is null) return null;
        var declared = CatalogDeclaration.OfMetadata(newest.Metadata, $"The metadata of {newest.Name}");
        var snapshot = new BlobSnapshot(
            container.GetBlobClient(newest.Name), newest.Properties.ETag!.Value, newest.Properties.LastModified!.Value, declared);
        var stream = await snapshot.OpenAsync(BytesPerPeek, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            return snapshot with
            {
                FirstLineAsOf = (await CatalogReader.PeekAsync(stream, cancellationToken).ConfigureAwait(false))?.AsOf,
            };
        }
    }

    /// <summary>What to throw when a blob cannot be read.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    internal static IOException Fault(string name, Exception e, CancellationToken cancellationToken) => BlobFault.Last(e, cancellationToken) switch
    {
        RequestFailedException { Status: 412 } => new IOException($"{name} was replaced while it was read.", e),
        RequestFailedException { Status: 401 or 403 } denied => new CatalogSourceException(
            $"{name} refused access ({denied.Status} {denied.ErrorCode}). The app's identity needs the role Storage Blob Data Reader on the "
            + "container, and the account's network rules must admit it.",
            e),
        RequestFailedException { Status: 404 } missing when missing.ErrorCode == BlobErrorCode.ContainerNotFound => new CatalogSourceException(
            $"{name} does not exist. Create the container, or correct Catalog__ContainerUri.", e),
        RequestFailedException { Status: 408 or 429 or >= 500 } busy => new CatalogUnavailableException(
            $"{name} cannot be read: {busy.Status} {busy.ErrorCode}. Try again later.", e),
        RequestFailedException { Status: not 0 } other => new IOException($"{name} cannot be read: {other.Status} {other.ErrorCode}.", e),
        AuthenticationFailedException => new CatalogUnavailableException(
            $"{name} cannot be read: no token could be obtained. Check the app's identity.", e),
        OperationCanceledException => new CatalogUnavailableException(
            $"{name} cannot be read: the storage did not respond in time. Try again later.", e),
        _ => new CatalogUnavailableException($"{name} cannot be read: the storage cannot be reached. Try again later.", e),
    };

    private sealed record BlobSnapshot(BlobClient Blob, ETag ETag, DateTimeOffset WrittenAt, CatalogDeclaration? Metadata) : ICatalogSnapshot
    {
        private const int BytesPerRead = 4 * 1024 * 1024;

        public string Name => Blob.Name;

        // Every write of a blob gives it a new ETag.
        public string Digest { get; } = $"{Blob.Name} {ETag}";

        public DateTimeOffset? FirstLineAsOf { get; init; }

        public DateTimeOffset AsOf => FirstLineAsOf ?? Metadata?.AsOf ?? WrittenAt;

        public AsOfSource AsOfSource =>
            FirstLineAsOf is not null ? AsOfSource.FirstLine : Metadata?.AsOf is not null ? AsOfSource.Metadata : AsOfSource.TimeWritten;

        public CatalogDeclaration Declared => Metadata ?? new CatalogDeclaration();

        public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => OpenAsync(BytesPerRead, cancellationToken);

        public async ValueTask<Stream> OpenAsync(int bytesPerRead, CancellationToken cancellationToken)
        {
            try
            {
                var options = new BlobOpenReadOptions(allowModifications: false)
                {
                    BufferSize = bytesPerRead,
                    Conditions = new BlobRequestConditions { IfMatch = ETag },
                };
                var stream = await Blob.OpenReadAsync(options, cancellationToken).ConfigureAwait(false);
                return new BlobReadStream(stream, (e, token) => Fault(Blob.Name, e, token));
            }
            catch (Exception e) when (BlobFault.IsStorage(e))
            {
                throw Fault(Blob.Name, e, cancellationToken);
            }
        }

        public async ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken)
        {
            try
            {
                var properties = await Blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false);

                // A listing returns the ETag without the quotation marks that the header has.
                return properties.Value.ETag.ToString().Trim('"') == ETag.ToString().Trim('"');
            }
            catch (RequestFailedException e) when (e.Status == 404)
            {
                return false;
            }
            catch (Exception e) when (BlobFault.IsStorage(e))
            {
                throw Fault(Blob.Name, e, cancellationToken);
            }
        }
    }
}
