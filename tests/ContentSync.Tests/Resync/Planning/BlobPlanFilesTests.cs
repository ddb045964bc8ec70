using Azure.Storage.Blobs;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Ledger;

namespace ContentSync.Tests.Resync.Planning;

/// <summary>The contract on Azurite, each test in a container of its own.</summary>
[Collection(AzuriteTests.Name)]
public sealed class BlobPlanFilesTests(AzuriteStorage azurite) : PlanFilesContract
{
    private BlobContainerClient? _container;

    internal override async Task<IPlanFiles> OpenAsync()
    {
        _container ??= azurite.Container();
        await _container.CreateIfNotExistsAsync();
        return new BlobPlanFiles(_container);
    }
}
