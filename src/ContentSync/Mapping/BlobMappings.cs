using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using ContentSync.Catalog;

namespace ContentSync.Mapping;

/// <summary>Mappings beside the catalog, in the folder <c>mappings/</c> of its container, with their look-up tables.</summary>
/// <param name="container">Only read.</param>
public sealed class BlobMappings(BlobContainerClient container) : IMappingStore
{
    /// <inheritdoc/>
    public string Place { get; } = new UriBuilder(container.Uri) { Query = "" }.Uri + "/" + BlobCatalogSource.MappingFolder;

    /// <inheritdoc/>
    public async ValueTask<CatalogMapping?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var file = name + MappingName.FileSuffix;
        var stream = await OpenAsync(file, cancellationToken).ConfigureAwait(false);
        if (stream is null) return null;
        await using var closing = stream.ConfigureAwait(false);
        return await MappingFile.LoadAsync(file, stream, OpenAsync, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<Stream?> OpenAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            // Read at once: a mapping is small, and one that is replaced meanwhile would be half of each.
            var blob = container.GetBlobClient(BlobCatalogSource.MappingFolder + name);
            var properties = await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            if (properties.Value.ContentLength > MappingFile.MaxBytes)
                throw new IOException($"{Place}{name} has {properties.Value.ContentLength} bytes; at most {MappingFile.MaxBytes} are read.");
            var content = await blob.DownloadContentAsync(cancellationToken).ConfigureAwait(false);
            return content.Value.Content.ToStream();
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound || e.Status == 404)
        {
            return null;
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw BlobCatalogSource.Fault(Place + name, e, cancellationToken);
        }
    }
}
