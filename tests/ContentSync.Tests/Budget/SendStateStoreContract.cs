using ContentSync.Budget;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Budget;

/// <summary>What every store of the shared document must do.</summary>
public abstract class SendStateStoreContract
{
    [SkippableFact]
    public async Task Is_empty_before_the_first_write()
    {
        var read = await (await OpenAsync()).ReadAsync(default);
        Assert.Empty(read.State.Holders);
        Assert.Null(read.Tag);
    }

    [SkippableFact]
    public async Task Returns_what_was_written()
    {
        var store = await OpenAsync();
        Assert.True(await store.TryWriteAsync(State(600), null, default));
        var read = await store.ReadAsync(default);
        Assert.Equal(State(600).Holders, read.State.Holders);
        Assert.Equal(State(600).Warm, read.State.Warm);
        Assert.Equal(12.5, read.State.Rate);
        Assert.Equal(["A", "B"], read.State.Circuit!.FailedProbes);
        Assert.Equal(State(600).Circuit! with { FailedProbes = null }, read.State.Circuit with { FailedProbes = null });
    }

    [SkippableFact]
    public async Task Refuses_a_write_that_is_based_on_an_earlier_version()
    {
        var store = await OpenAsync();
        Assert.True(await store.TryWriteAsync(State(1), null, default));
        Assert.False(await store.TryWriteAsync(State(2), null, default));
        var first = await store.ReadAsync(default);
        Assert.True(await store.TryWriteAsync(State(3), first.Tag, default));
        Assert.False(await store.TryWriteAsync(State(4), first.Tag, default));
        Assert.Equal(3, (await store.ReadAsync(default)).State.Holders.Count);
    }

    [SkippableFact]
    public async Task Of_many_writers_of_one_version_exactly_one_succeeds()
    {
        var store = await OpenAsync();
        Assert.True(await store.TryWriteAsync(State(1), null, default));
        var read = await store.ReadAsync(default);
        var written = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => store.TryWriteAsync(State(2), read.Tag, default).AsTask())));
        Assert.Equal(1, written.Count(isWritten => isWritten));
    }

    /// <summary>Opens a store that no other test uses.</summary>
    protected abstract Task<ISendStateStore> OpenAsync();

    private static SharedSendState State(int holders)
    {
        var time = new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero);
        return new SharedSendState
        {
            Rate = 12.5,
            Holders = [.. Enumerable.Range(0, holders).Select(i => new BudgetHolder($"process-{i:D24}", i, 2, 3, 4, time))],
            Warm = [new WarmUnits(3, time)],
            Circuit = new SharedCircuit("Breaker", "Timeout", "late", time, time, ["A", "B"], new ProbeLease("process-1", time)),
        };
    }
}

public sealed class SqliteSendStateStoreTests : SendStateStoreContract, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Refuses_a_file_of_a_newer_version()
    {
        var store = await OpenAsync();
        await store.TryWriteAsync(new SharedSendState(), null, default);
        using (var database = SqliteDatabase.Open(Path.Combine(_folder.FullName, "send.db"), SqliteAccess.Write, TimeSpan.FromSeconds(1)))
            database.Execute("PRAGMA user_version = 2");
        var fault = await Assert.ThrowsAsync<SendStateUnavailableException>(async () => await store.ReadAsync(default));
        Assert.Contains("newer version", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_why_the_file_cannot_be_opened()
    {
        var store = new SqliteSendStateStore(Path.Combine(_folder.FullName, "missing", "send.db"), TimeProvider.System);
        var fault = await Assert.ThrowsAsync<SendStateUnavailableException>(async () => await store.ReadAsync(default));
        Assert.Contains("send.db", fault.Message, StringComparison.Ordinal);
    }

    protected override Task<ISendStateStore> OpenAsync() =>
        Task.FromResult<ISendStateStore>(new SqliteSendStateStore(Path.Combine(_folder.FullName, "send.db"), new FakeTimeProvider()));
}

/// <summary>Over the simulated table service, which is at hand everywhere.</summary>
public sealed class SimulatedTableSendStateStoreTests : SendStateStoreContract
{
    protected override async Task<ISendStateStore> OpenAsync()
    {
        var store = new TableSendStateStore(new SimulatedTableStorage().Table(), TimeProvider.System);
        await store.CreateIfNotExistsAsync(default);
        return store;
    }
}

[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class TableSendStateStoreTests(AzuriteStorage azurite) : SendStateStoreContract
{
    [SkippableFact]
    public async Task Reads_the_time_from_the_service_and_not_from_this_machine()
    {
        var store = new TableSendStateStore(azurite.Table(), new FakeTimeProvider(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        await store.CreateIfNotExistsAsync(default);
        Assert.InRange((await store.ReadAsync(default)).Time.Year, 2020, 2200);
    }

    [SkippableFact]
    public async Task Reports_a_write_whose_first_response_was_lost_as_not_written()
    {
        var interference = new TableInterference();
        var store = new TableSendStateStore(azurite.Table(interference), TimeProvider.System);
        await store.CreateIfNotExistsAsync(default);
        await store.TryWriteAsync(new SharedSendState(), null, default);
        var read = await store.ReadAsync(default);
        interference.LoseNextResponse();
        Assert.False(await store.TryWriteAsync(new SharedSendState { Rate = 3 }, read.Tag, default));
        Assert.Equal(3, (await store.ReadAsync(default)).State.Rate);
    }

    [SkippableFact]
    public async Task Reports_that_the_table_does_not_exist()
    {
        var store = new TableSendStateStore(azurite.Table(), TimeProvider.System);
        var fault = await Assert.ThrowsAsync<SendStateUnavailableException>(
            async () => await store.TryWriteAsync(new SharedSendState(), null, default));
        Assert.Contains("create it first", fault.Message, StringComparison.Ordinal);
    }

    protected override async Task<ISendStateStore> OpenAsync()
    {
        var store = new TableSendStateStore(azurite.Table(), TimeProvider.System);
        await store.CreateIfNotExistsAsync(default);
        return store;
    }
}
