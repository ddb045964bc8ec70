using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using ContentSync.Catalog;
using ContentSync.Resync.Planning;

namespace ContentSync.Resync;

/// <summary>
/// Stores the runs of each source, and the plans of runs in progress, as blobs of one container. Thread-safe; any number of processes may
/// write.
/// </summary>
/// <param name="container">Used for nothing else, except the files of <see cref="BlobPlanFiles"/>.</param>
public sealed class BlobResyncStore(BlobContainerClient container) : IResyncStore
{
    private const string Histories = "runs/";

    /// <summary>Metadata that identifies a write, so that it can be recognized if its response was lost.</summary>
    private const string WriteId = "writeid";

    /// <summary>Creates the container if it does not exist.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public async Task CreateIfNotExistsAsync(CancellationToken cancellationToken) =>
        await GuardAsync(() => container.CreateIfNotExistsAsync(cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken) =>
        ReadAsync(HistoryName(source), cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ResyncHistory> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var blobs = container
            .GetBlobsAsync(BlobTraits.None, BlobStates.None, Histories, cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        await using (blobs.ConfigureAwait(false))
        {
            while (await GuardAsync(() => blobs.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
            {
                if (await ReadAsync(blobs.Current.Name, cancellationToken).ConfigureAwait(false) is { } history) yield return history;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken)
    {
        // The version is the blob's ETag, not part of its content.
        var bytes = JsonSerializer.SerializeToUtf8Bytes(history with { Version = null }, ResyncStoreJson.Default.ResyncHistory);
        var name = HistoryName(history.Source);
        var writeId = RandomNumberGenerator.GetHexString(32, lowercase: true);
        var options = new BlobUploadOptions
        {
            Conditions = history.Version is { } version
                ? new BlobRequestConditions { IfMatch = new ETag(version) }
                : new BlobRequestConditions { IfNoneMatch = ETag.All },
            Metadata = new Dictionary<string, string> { [WriteId] = writeId },
        };
        try
        {
            var written = await container.GetBlobClient(name).UploadAsync(new BinaryData(bytes), options, cancellationToken).ConfigureAwait(false);
            return history with { Version = written.Value.ETag.ToString() };
        }
        catch (RequestFailedException e) when (e.Status is 409 or 412)
        {
            // If our first write succeeded but its response was lost, the client's retry conflicts with it.
            var found = await DownloadAsync(name, cancellationToken).ConfigureAwait(false);
            return found?.Details.Metadata.TryGetValue(WriteId, out var last) is true && last == writeId
                ? history with { Version = found.Details.ETag.ToString() }
                : null;
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw Fault(e, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        // Uploaded in blocks, without a copy on disk or in memory; it becomes visible only when complete.
        var stream = await plan.OpenReadAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await GuardAsync(() => PlanBlob(planId).UploadAsync(stream, overwrite: true, cancellationToken), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken) =>
        await CatalogPlan.OpenAsync(token => OpenPlanAsync(planId, token), release: null, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken) =>
        await GuardAsync(() => PlanBlob(planId).DeleteIfExistsAsync(cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);

    private async ValueTask<Stream> OpenPlanAsync(string planId, CancellationToken cancellationToken)
    {
        var stream = await GuardAsync(() => PlanBlob(planId).OpenReadAsync(cancellationToken: cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        return new BlobReadStream(stream, Fault);
    }

    private async ValueTask<ResyncHistory?> ReadAsync(string name, CancellationToken cancellationToken)
    {
        if (await DownloadAsync(name, cancellationToken).ConfigureAwait(false) is not { } found) return null;
        var history = ResyncStoreJson.Read(
            found.Content.ToMemory(), $"The blob {name} in the container {container.Name}", "Delete it to start without a history.");
        return history is null ? null : history with { Version = found.Details.ETag.ToString() };
    }

    private async ValueTask<BlobDownloadResult?> DownloadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return (await container.GetBlobClient(name).DownloadContentAsync(cancellationToken).ConfigureAwait(false)).Value;
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw Fault(e, cancellationToken);
        }
    }

    private async Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw Fault(e, cancellationToken);
        }
    }

    private IOException Fault(Exception e, CancellationToken cancellationToken)
    {
        var message = BlobFault.Message(container, e, cancellationToken);
        var code = (BlobFault.Last(e, cancellationToken) as RequestFailedException)?.ErrorCode;
        return code == BlobErrorCode.BlobNotFound ? new FileNotFoundException(message, e) : new IOException(message, e);
    }

    private BlobClient PlanBlob(string planId) => container.GetBlobClient($"plans/{planId}");

    private static string HistoryName(string source)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(source)).AsSpan(0, 16);
        return $"{Histories}{Convert.ToHexStringLower(hash)}.json";
    }
}
