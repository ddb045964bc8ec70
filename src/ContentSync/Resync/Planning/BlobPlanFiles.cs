using System.Globalization;
using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using ContentSync.Catalog;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Keeps the files of plans as blobs, so that an instance needs no disk, and any instance can continue. Thread-safe; any number of processes
/// may write.
/// </summary>
/// <param name="container">That of <see cref="BlobResyncStore"/>. Plans need about 50 bytes per item of the catalog.</param>
public sealed class BlobPlanFiles(BlobContainerClient container) : IPlanFiles
{
    private const string Folder = "planning/";
    private const int BlockSize = 4 * 1024 * 1024;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<string>> FindAsync(string prefix, CancellationToken cancellationToken)
    {
        var plans = new List<string>();
        await GuardAsync(
            async () =>
            {
                await foreach (var item in container
                    .GetBlobsByHierarchyAsync(BlobTraits.None, BlobStates.None, "/", Folder + prefix, cancellationToken)
                    .ConfigureAwait(false))
                {
                    if (item.IsPrefix) plans.Add(item.Prefix[Folder.Length..].TrimEnd('/'));
                }
            },
            cancellationToken).ConfigureAwait(false);
        return plans;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlySet<string>> ListAsync(string plan, CancellationToken cancellationToken)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var prefix = NameOf(plan, "");
        await GuardAsync(
            async () =>
            {
                await foreach (var item in container
                    .GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, cancellationToken)
                    .ConfigureAwait(false))
                {
                    names.Add(item.Name[prefix.Length..]);
                }
            },
            cancellationToken).ConfigureAwait(false);
        return names;
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(
        string plan, string name, IAsyncEnumerable<ReadOnlyMemory<byte>> content, CancellationToken cancellationToken)
    {
        var blob = container.GetBlockBlobClient(NameOf(plan, name));
        var writer = RandomNumberGenerator.GetHexString(8, lowercase: true);
        var blocks = new List<string>();
        var block = new MemoryStream(BlockSize);
        await using (block.ConfigureAwait(false))
        {
            await foreach (var part in content.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                for (var rest = part; !rest.IsEmpty;)
                {
                    var length = Math.Min(rest.Length, BlockSize - (int)block.Length);
                    block.Write(rest.Span[..length]);
                    rest = rest[length..];
                    if (block.Length == BlockSize) await StageAsync().ConfigureAwait(false);
                }
            }

            if (block.Length > 0) await StageAsync().ConfigureAwait(false);
            await CommitAsync(blob, blocks, cancellationToken).ConfigureAwait(false);
        }

        async ValueTask StageAsync()
        {
            // Two processes may write the same file at the same time: each commits only its own blocks.
            var id = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"{writer}-{blocks.Count:d6}")));
            block.Position = 0;
            await GuardAsync(() => blob.StageBlockAsync(id, block, cancellationToken: cancellationToken), cancellationToken).ConfigureAwait(false);
            blocks.Add(id);
            block.SetLength(0);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<long> LengthAsync(string plan, string name, CancellationToken cancellationToken)
    {
        var length = 0L;
        await GuardAsync(
            async () =>
            {
                var found = await container
                    .GetBlobClient(NameOf(plan, name))
                    .GetPropertiesAsync(cancellationToken: cancellationToken)
                    .ConfigureAwait(false);
                length = found.Value.ContentLength;
            },
            cancellationToken).ConfigureAwait(false);
        return length;
    }

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(string plan, string name, long offset, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (buffer.IsEmpty) return 0;
        try
        {
            var options = new BlobDownloadOptions { Range = new HttpRange(offset, buffer.Length) };
            using var found = (await container
                .GetBlobClient(NameOf(plan, name))
                .DownloadStreamingAsync(options, cancellationToken)
                .ConfigureAwait(false)).Value;
            return await found.Content
                .ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.InvalidRange)
        {
            return 0;
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw new PlanStorageException(BlobFault.Message(container, e, cancellationToken), e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(string plan, CancellationToken cancellationToken)
    {
        foreach (var name in await ListAsync(plan, cancellationToken).ConfigureAwait(false))
        {
            await GuardAsync(
                () => container.GetBlobClient(NameOf(plan, name)).DeleteIfExistsAsync(cancellationToken: cancellationToken),
                cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask CommitAsync(BlockBlobClient blob, List<string> blocks, CancellationToken cancellationToken)
    {
        try
        {
            var options = new CommitBlockListOptions { Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } };
            await blob.CommitBlockListAsync(blocks, options, cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (e.Status is 400 or 409 or 412)
        {
            // Another process was first, which also discards the blocks; or the response to our own commit was lost.
            var exists = false;
            await GuardAsync(async () => exists = await blob.ExistsAsync(cancellationToken).ConfigureAwait(false), cancellationToken)
                .ConfigureAwait(false);
            if (!exists) throw new PlanStorageException(BlobFault.Message(container, e, cancellationToken), e);
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw new PlanStorageException(BlobFault.Message(container, e, cancellationToken), e);
        }
    }

    private async ValueTask GuardAsync(Func<Task> call, CancellationToken cancellationToken)
    {
        try
        {
            await call().ConfigureAwait(false);
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw new PlanStorageException(BlobFault.Message(container, e, cancellationToken), e);
        }
    }

    private static string NameOf(string plan, string name) => $"{Folder}{plan}/{name}";
}
