using ContentSync.Budget;
using ContentSync.Diagnostics.Trends;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Diagnostics;

/// <summary>What every store of the trends must do.</summary>
public abstract class TrendStoreContract
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [SkippableFact]
    public async Task Returns_the_rows_of_all_processes_from_a_quarter_hour_on()
    {
        var store = await OpenAsync();
        var rows = new[]
        {
            new TrendRow(Noon.AddMinutes(-15), "a", "too old"),
            new TrendRow(Noon, "a", "{}"),
            new TrendRow(Noon, "b", "{\"港\":1}"),
            new TrendRow(Noon.AddDays(1), "b", new string('x', TrendText.MaxLength)),
        };
        foreach (var row in rows) await store.WriteAsync(row, default);
        Assert.Equal(rows[1..], await ReadAsync(store, Noon));
    }

    [SkippableFact]
    public async Task Replaces_the_row_of_the_same_process_and_quarter_hour()
    {
        var store = await OpenAsync();
        await store.WriteAsync(new TrendRow(Noon, "a", "first"), default);
        await store.WriteAsync(new TrendRow(Noon, "a", "second"), default);
        Assert.Equal("second", Assert.Single(await ReadAsync(store, Noon)).Minutes);
    }

    [SkippableFact]
    public async Task Deletes_only_what_is_older_also_when_another_process_has_deleted_it()
    {
        var store = await OpenAsync();
        for (var i = 0; i < 230; i++) await store.WriteAsync(new TrendRow(Noon.AddMinutes(-15), $"p{i:d3}", "old"), default);
        await store.WriteAsync(new TrendRow(Noon, "a", "new"), default);
        await Task.WhenAll(store.DeleteBeforeAsync(Noon, default).AsTask(), store.DeleteBeforeAsync(Noon, default).AsTask());
        await store.DeleteBeforeAsync(Noon, default);
        Assert.Equal("new", Assert.Single(await ReadAsync(store, Noon.AddDays(-1))).Minutes);
    }

    /// <summary>Opens a store that no other test uses.</summary>
    protected abstract Task<ITrendStore> OpenAsync();

    private static async Task<List<TrendRow>> ReadAsync(ITrendStore store, DateTimeOffset from)
    {
        var rows = new List<TrendRow>();
        await foreach (var row in store.ReadAsync(from, default)) rows.Add(row);
        return [.. rows.OrderBy(row => row.Quarter).ThenBy(row => row.Process, StringComparer.Ordinal)];
    }
}

public sealed class SqliteTrendStoreTests : TrendStoreContract, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    private string File => Path.Combine(_folder.FullName, "send.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Shares_the_file_of_the_send_state()
    {
        var state = new SqliteSendStateStore(File, new FakeTimeProvider());
        await state.TryWriteAsync(new SharedSendState { Rate = 3 }, null, default);
        await (await OpenAsync()).WriteAsync(new TrendRow(DateTimeOffset.UnixEpoch, "a", "x"), default);
        Assert.Equal(3, (await state.ReadAsync(default)).State.Rate);
    }

    [Fact]
    public async Task Refuses_a_file_of_a_newer_version_and_says_why_a_file_cannot_be_opened()
    {
        await (await OpenAsync()).WriteAsync(new TrendRow(DateTimeOffset.UnixEpoch, "a", "x"), default);
        using (var database = SqliteDatabase.Open(File, SqliteAccess.Write, TimeSpan.FromSeconds(1))) database.Execute("PRAGMA user_version = 2");
        Assert.Contains("newer version", (await FaultAsync(File)).Message, StringComparison.Ordinal);
        Assert.Contains("missing", (await FaultAsync(Path.Combine(_folder.FullName, "missing", "send.db"))).Message, StringComparison.Ordinal);
    }

    protected override Task<ITrendStore> OpenAsync() => Task.FromResult<ITrendStore>(new SqliteTrendStore(File));

    private static Task<TrendsUnavailableException> FaultAsync(string file) => Assert.ThrowsAsync<TrendsUnavailableException>(
        async () => await new SqliteTrendStore(file).DeleteBeforeAsync(DateTimeOffset.UnixEpoch, default));
}

public sealed class SimulatedTableTrendStoreTests : TrendStoreContract
{
    protected override async Task<ITrendStore> OpenAsync()
    {
        var table = new SimulatedTableStorage().Table();
        await table.CreateIfNotExistsAsync();
        return new TableTrendStore(table);
    }
}

[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class TableTrendStoreTests(AzuriteStorage azurite) : TrendStoreContract
{
    [SkippableFact]
    public async Task Reports_that_the_table_does_not_exist()
    {
        var store = new TableTrendStore(azurite.Table());
        var fault = await Assert.ThrowsAsync<TrendsUnavailableException>(
            async () => await store.WriteAsync(new TrendRow(DateTimeOffset.UnixEpoch, "a", "x"), default));
        Assert.Contains("create it first", fault.Message, StringComparison.Ordinal);
    }

    protected override async Task<ITrendStore> OpenAsync()
    {
        var table = azurite.Table();
        await table.CreateIfNotExistsAsync();
        return new TableTrendStore(table);
    }
}
