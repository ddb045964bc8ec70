using Azure.Identity;
using ContentSync.Budget;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Tests.Functions;

/// <summary>A process whose wall clock is wrong may call any store first.</summary>
public sealed class StorageClockTests : IAsyncLifetime
{
    private static readonly DateTimeOffset StorageTime = new(2031, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly WebApplication _storage;
    private readonly StoreClock _clock = new(TimeProvider.System);

    public StorageClockTests()
    {
        var builder = WebApplication.CreateSlimBuilder();
        _storage = builder.Build();
        _storage.Urls.Add("http://127.0.0.1:0");
        _storage.Run(context =>
        {
            context.Response.Headers.Date = StorageTime.ToString("R");
            context.Response.Headers["x-ms-error-code"] = "BlobNotFound";
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    public Task InitializeAsync() => _storage.StartAsync();

    public async Task DisposeAsync() => await _storage.DisposeAsync();

    [Fact]
    public async Task The_store_of_runs_sets_the_clock()
    {
        var store = new BlobResyncStore(StorageInitializer.Container(At("/devstoreaccount1/resync"), Credential, _clock));
        Assert.Null(await store.FindAsync("a", default));
        AssertSet();
    }

    [Fact]
    public async Task The_store_of_the_lanes_progress_sets_the_clock()
    {
        var store = new TableLaneProgressStore(StorageInitializer.Table(At("/devstoreaccount1"), "lanes", Credential, _clock));
        await Assert.ThrowsAnyAsync<IOException>(async () => await store.ListAsync("run", default).ToListAsync());
        AssertSet();
    }

    [Fact]
    public async Task The_store_of_the_send_budget_sets_the_clock()
    {
        var store = new TableSendStateStore(StorageInitializer.Table(At("/devstoreaccount1"), "lanes", Credential, _clock), TimeProvider.System);
        await store.ReadAsync(default);
        AssertSet();
    }

    private static DefaultAzureCredential Credential => new();

    private Uri At(string path) => new(_storage.Urls.Single() + path);

    private void AssertSet() => Assert.InRange(_clock.GetUtcNow() - StorageTime, TimeSpan.Zero, TimeSpan.FromMinutes(5));
}
