using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Resync;

/// <summary>The contract on the container of the simulation, and what the real one cannot be made to do.</summary>
public sealed class SimulatedBlobResyncStoreTests : ResyncStoreContract, IDisposable
{
    private readonly SimulatedBlobStorage _storage = new("resync");

    public void Dispose() => _storage.Dispose();

    [Fact]
    public async Task Lists_more_sources_than_a_page_holds()
    {
        _storage.Container.PageSize = 2;
        var store = new BlobResyncStore(_storage.Client);
        foreach (var source in new[] { "a", "b", "c", "d", "e" }) await store.WriteAsync(new ResyncHistory { Source = source }, default);

        var listed = await store.ListAsync(default).Select(history => history.Source).ToListAsync();

        Assert.Equal(["a", "b", "c", "d", "e"], listed.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(BlobOutage.Unreachable, "cannot be reached")]
    [InlineData(BlobOutage.Silent, "did not respond in time")]
    [InlineData(BlobOutage.NoToken, "No token for the container resync")]
    [InlineData(BlobOutage.Busy, "503 (ServerBusy)")]
    public async Task Says_what_is_wrong_with_the_storage_even_while_a_plan_is_read(BlobOutage outage, string says)
    {
        var store = new BlobResyncStore(_storage.Client);
        await using var plan = CatalogPlan.Create(10);
        plan.AddNamed("a"u8);
        plan.Seal(new PlanSummary());
        await store.SavePlanAsync("p", plan, default);
        await using var stored = await store.LoadPlanAsync("p", default);
        var opened = await stored.OpenReadAsync(default);
        await using var closing = opened.ConfigureAwait(false);
        _storage.Outage = outage;

        await FailsAsync(async () => await opened.ReadExactlyAsync(new byte[1]));
        await FailsAsync(async () => await stored.NamedAsync(default).ToListAsync());
        await FailsAsync(async () => await store.FindAsync("a", default));
        await FailsAsync(async () => await store.WriteAsync(new ResyncHistory { Source = "a" }, default));

        async Task FailsAsync(Func<Task> call)
        {
            var fault = await Assert.ThrowsAsync<IOException>(call);
            Assert.Contains(says, fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_plan_that_is_deleted_while_it_is_read_is_missing()
    {
        var store = new BlobResyncStore(_storage.Client);
        await using var plan = CatalogPlan.Create(10);
        plan.Seal(new PlanSummary());
        await store.SavePlanAsync("p", plan, default);
        await using var opened = await (await store.LoadPlanAsync("p", default)).OpenReadAsync(default);
        await store.DeletePlanAsync("p", default);

        await Assert.ThrowsAsync<FileNotFoundException>(async () => await opened.ReadExactlyAsync(new byte[1]));
    }

    protected override Task<IResyncStore> OpenAsync() => Task.FromResult<IResyncStore>(new BlobResyncStore(_storage.Client));
}
