using Azure.Storage.Blobs;
using ContentSync.Resync;
using ContentSync.Tests.Ledger;

namespace ContentSync.Tests.Resync;

/// <summary>The contract on Azurite, each test in a container of its own.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class BlobResyncStoreTests(AzuriteStorage azurite) : ResyncStoreContract
{
    private BlobContainerClient? _container;

    [SkippableFact]
    public async Task Recognizes_its_own_write_if_the_response_to_it_was_lost()
    {
        var interference = new TableInterference();
        var store = new BlobResyncStore(azurite.Container(interference));
        await store.CreateIfNotExistsAsync(default);
        var first = await store.WriteAsync(new ResyncHistory { Source = "a" }, default);
        interference.LoseNextResponse();

        var second = await store.WriteAsync(first! with { Handled = new HandledSnapshot("d", 5, DateTimeOffset.UnixEpoch) }, default);

        Assert.Equal((await store.FindAsync("a", default))!.Version, second!.Version);
        Assert.NotEqual(first.Version, second.Version);
    }

    [SkippableFact]
    public async Task Reports_that_the_container_does_not_exist()
    {
        var store = new BlobResyncStore(azurite.Container());
        var fault = await Assert.ThrowsAsync<IOException>(async () => await store.FindAsync("a", default));
        Assert.Contains("create it first", fault.Message, StringComparison.Ordinal);
    }

    protected override async Task<IResyncStore> OpenAsync()
    {
        var store = new BlobResyncStore(_container ??= azurite.Container());
        await store.CreateIfNotExistsAsync(default);
        return store;
    }
}
