using System.Globalization;
using Azure;
using Azure.Data.Tables;

namespace ContentSync.Tests.Ledger;

/// <summary>What the ledger relies on in a table service. Runs on Azurite and on the simulated one, so that both behave the same.</summary>
public abstract class TableServiceContract
{
    private static readonly DateTimeOffset Time = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    private protected abstract TableClient Table();

    [SkippableFact]
    public async Task Returns_every_type_of_property_as_it_was_written()
    {
        var table = await CreateAsync();
        var entity = new TableEntity("p", "row with 'quotes' and 字")
        {
            ["Text"] = "票 \"🎬\"",
            ["Whole"] = 7,
            ["Long"] = long.MaxValue,
            ["Time"] = Time.AddTicks(1),
            ["Binary"] = new byte[] { 0, 255 },
            ["Flag"] = true,
        };

        var etag = (await table.AddEntityAsync(entity)).Headers.ETag;
        var found = (await table.GetEntityAsync<TableEntity>("p", "row with 'quotes' and 字")).Value;

        Assert.Equal(("票 \"🎬\"", 7, long.MaxValue), (found.GetString("Text"), found.GetInt32("Whole"), found.GetInt64("Long")));
        Assert.Equal((Time.AddTicks(1), true), (found.GetDateTimeOffset("Time"), found.GetBoolean("Flag")));
        Assert.Equal([0, 255], found.GetBinary("Binary"));
        Assert.Equal(etag, found.ETag);
    }

    [SkippableFact]
    public async Task Refuses_to_insert_an_entity_twice_and_to_write_against_another_ETag()
    {
        var table = await CreateAsync();
        var first = (await table.AddEntityAsync(Entity("1", 1))).Headers.ETag!.Value;
        await table.UpdateEntityAsync(Entity("1", 2), first, TableUpdateMode.Replace);

        Assert.Equal((409, "EntityAlreadyExists"), await FaultAsync(() => table.AddEntityAsync(Entity("1", 3))));
        Assert.Equal((412, "UpdateConditionNotSatisfied"), await FaultAsync(() => table.UpdateEntityAsync(Entity("1", 3), first, TableUpdateMode.Merge)));
        Assert.Equal((404, "ResourceNotFound"), await FaultAsync(() => table.UpdateEntityAsync(Entity("2", 3), ETag.All, TableUpdateMode.Merge)));
        Assert.Equal(2, (await table.GetEntityAsync<TableEntity>("p", "1")).Value.GetInt32("Number"));
    }

    [SkippableFact]
    public async Task Keeps_other_properties_on_a_merge_and_drops_them_on_a_replacement()
    {
        var table = await CreateAsync();
        await table.AddEntityAsync(new TableEntity("p", "1") { ["A"] = 1, ["B"] = 1 });

        await table.UpdateEntityAsync(new TableEntity("p", "1") { ["B"] = 2 }, ETag.All, TableUpdateMode.Merge);
        var merged = (await table.GetEntityAsync<TableEntity>("p", "1")).Value;
        await table.UpdateEntityAsync(new TableEntity("p", "1") { ["B"] = 3 }, ETag.All, TableUpdateMode.Replace);
        var replaced = (await table.GetEntityAsync<TableEntity>("p", "1")).Value;

        Assert.Equal((1, 2), (merged.GetInt32("A"), merged.GetInt32("B")));
        Assert.Equal((null, 3), (replaced.GetInt32("A"), replaced.GetInt32("B")));
    }

    [SkippableFact]
    public async Task Writes_all_entities_of_a_transaction_or_none()
    {
        var table = await CreateAsync();
        await table.AddEntityAsync(Entity("2", 1));
        TableTransactionAction[] writes =
        [
            new(TableTransactionActionType.UpsertReplace, Entity("~n1", 5)),
            new(TableTransactionActionType.UpdateMerge, Entity("2", 2), new ETag("W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\"")),
        ];

        var fault = await Assert.ThrowsAsync<TableTransactionFailedException>(() => table.SubmitTransactionAsync(writes));
        var missing = await Assert.ThrowsAsync<TableTransactionFailedException>(() => table.SubmitTransactionAsync(
            [new(TableTransactionActionType.UpsertReplace, Entity("~n1", 5)), new(TableTransactionActionType.Delete, Entity("3", 0))]));

        Assert.Equal((412, "UpdateConditionNotSatisfied", 1), (fault.Status, fault.ErrorCode, fault.FailedTransactionActionIndex));
        Assert.Equal((404, 1), (missing.Status, missing.FailedTransactionActionIndex));
        Assert.False((await table.GetEntityIfExistsAsync<TableEntity>("p", "~n1")).HasValue);
        Assert.Equal(1, (await table.GetEntityAsync<TableEntity>("p", "2")).Value.GetInt32("Number"));
    }

    [SkippableFact]
    public async Task Returns_the_ETags_of_a_transaction_in_its_order()
    {
        var table = await CreateAsync();
        await table.AddEntityAsync(Entity("gone", 1));

        var responses = (await table.SubmitTransactionAsync(
            [
                new(TableTransactionActionType.Add, Entity("1", 1)),
                new(TableTransactionActionType.Delete, Entity("gone", 0), ETag.All),
                new(TableTransactionActionType.UpsertReplace, Entity("2", 2)),
            ])).Value;

        Assert.Equal(
            [responses[0].Headers.ETag, responses[2].Headers.ETag],
            [(await table.GetEntityAsync<TableEntity>("p", "1")).Value.ETag, (await table.GetEntityAsync<TableEntity>("p", "2")).Value.ETag]);
        Assert.False((await table.GetEntityIfExistsAsync<TableEntity>("p", "gone")).HasValue);
    }

    [SkippableFact]
    public async Task Refuses_a_transaction_that_names_an_entity_twice()
    {
        var table = await CreateAsync();

        var fault = await Assert.ThrowsAsync<TableTransactionFailedException>(() => table.SubmitTransactionAsync(
            [new(TableTransactionActionType.Add, Entity("1", 1)), new(TableTransactionActionType.UpsertMerge, Entity("1", 2))]));

        Assert.Equal((400, "InvalidDuplicateRow"), (fault.Status, fault.ErrorCode));
        Assert.False((await table.GetEntityIfExistsAsync<TableEntity>("p", "1")).HasValue);
    }

    [SkippableFact]
    public async Task Accepts_keys_of_512_characters()
    {
        var table = await CreateAsync();
        var row = "~n" + string.Concat(Enumerable.Repeat("~5b57", 102));

        await table.AddEntityAsync(new TableEntity("p", row));

        Assert.Equal(512, (await table.GetEntityAsync<TableEntity>("p", row)).Value.RowKey.Length);
    }

    [SkippableFact]
    public async Task Pages_through_a_query_in_the_order_of_the_keys()
    {
        var table = await CreateAsync();
        string[] rows = ["A", "a", "b", "~0041", "~n1", "~na", "~o", "~c"];
        foreach (var partition in new[] { "00", "01" })
        {
            foreach (var row in rows) await table.AddEntityAsync(new TableEntity(partition, row) { ["Number"] = row.Length });
        }

        Assert.Equal(
            ["00 A", "00 a", "00 b", "00 ~0041", "00 ~c", "01 A", "01 a", "01 b", "01 ~0041", "01 ~c"],
            await KeysAsync(table, "RowKey lt '~g'", 3));
        Assert.Equal(["01 ~n1", "01 ~na"], await KeysAsync(table, "PartitionKey eq '01' and RowKey ge '~n' and RowKey lt '~o'", 1));
        Assert.Equal(["00 ~n1"], await KeysAsync(table, "PartitionKey eq '00' and RowKey gt '~n' and (Number eq 3 and RowKey lt '~na')", 1_000));
        Assert.Equal(["00 b", "01 b"], await KeysAsync(table, "RowKey eq 'b' or RowKey eq 'none'", 1_000));
    }

    [SkippableFact]
    public async Task Compares_every_type_that_filters_use_and_never_a_missing_property()
    {
        var table = await CreateAsync();
        await table.AddEntityAsync(new TableEntity("p", "1") { ["T"] = Time, ["L"] = 5L, ["F"] = true, ["S"] = "it's", ["N"] = 3 });
        await table.AddEntityAsync(new TableEntity("p", "2") { ["Other"] = 1 });

        foreach (var filter in (FormattableString[])
            [$"T le {Time}", $"L ge {5L}", $"F eq {true}", $"S eq {"it's"}", $"N lt {4}", $"S ne {"x"}", $"S gt {"it"} and S lt {"iu"}"])
        {
            Assert.Equal(["p 1"], await KeysAsync(table, TableClient.CreateQueryFilter(filter), 1_000));
        }

        Assert.Empty(await KeysAsync(table, TableClient.CreateQueryFilter($"T lt {Time}"), 1_000));
    }

    [SkippableFact]
    public async Task Returns_only_the_selected_properties()
    {
        var table = await CreateAsync();
        await table.AddEntityAsync(new TableEntity("p", "1") { ["A"] = 1, ["B"] = 2 });

        var found = await table.QueryAsync<TableEntity>(select: ["RowKey", "B"]).ToListAsync();

        Assert.Equal(("1", null, 2), (found[0].RowKey, found[0].GetInt32("A"), found[0].GetInt32("B")));
        Assert.False((await table.GetEntityAsync<TableEntity>("p", "1", ["B"])).Value.ContainsKey("A"));
    }

    [SkippableFact]
    public async Task Returns_at_most_a_thousand_entities_at_once()
    {
        var table = await CreateAsync();
        for (var i = 0; i < 1_050; i += 50)
        {
            var first = i;
            await table.SubmitTransactionAsync(Enumerable.Range(0, 50).Select(n => new TableTransactionAction(
                TableTransactionActionType.Add, Entity((first + n).ToString("d5", CultureInfo.InvariantCulture), n))));
        }

        var sizes = new List<int>();
        await foreach (var page in table.QueryAsync<TableEntity>().AsPages()) sizes.Add(page.Values.Count);

        Assert.Equal([1_000, 50], sizes);
    }

    [SkippableFact]
    public async Task Says_that_a_table_is_missing_or_exists_already()
    {
        var table = Table();

        Assert.Equal((404, "TableNotFound"), await FaultAsync(() => table.AddEntityAsync(Entity("1", 1))));
        await table.CreateAsync();
        Assert.Equal((409, "TableAlreadyExists"), await FaultAsync(() => table.CreateAsync()));
    }

    private static TableEntity Entity(string row, int number) => new("p", row) { ["Number"] = number };

    private static async Task<(int Status, string? Code)> FaultAsync(Func<Task> call)
    {
        var fault = await Assert.ThrowsAsync<RequestFailedException>(call);
        return (fault.Status, fault.ErrorCode);
    }

    private static async Task<List<string>> KeysAsync(TableClient table, string filter, int pageSize)
    {
        var keys = new List<string>();
        await foreach (var page in table.QueryAsync<TableEntity>(filter).AsPages(pageSizeHint: pageSize))
        {
            Assert.True(page.Values.Count <= pageSize);
            keys.AddRange(page.Values.Select(entity => $"{entity.PartitionKey} {entity.RowKey}"));
        }

        return keys;
    }

    private async Task<TableClient> CreateAsync()
    {
        var table = Table();
        await table.CreateAsync();
        return table;
    }
}

/// <summary>Runs the contract on Azurite.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class AzuriteTableServiceTests(AzuriteStorage azurite) : TableServiceContract
{
    private protected override TableClient Table() => azurite.Table();
}

/// <summary>Runs the contract on the simulated table service, and checks the faults that only it can inject.</summary>
public sealed class SimulatedTableServiceTests : TableServiceContract
{
    private readonly SimulatedTableStorage _storage = new();

    private protected override TableClient Table() => _storage.Table();

    [Theory]
    [InlineData(SimulatedStorage.TableFault.Busy, 409, 2)]
    [InlineData(SimulatedStorage.TableFault.LostRequest, 409, 2)]
    [InlineData(SimulatedStorage.TableFault.LostResponse, 409, 2)]
    [InlineData(SimulatedStorage.TableFault.BusyWithEffect, 409, 2)]
    [InlineData(SimulatedStorage.TableFault.RepeatedAtOnce, 409, 1)]
    [InlineData(SimulatedStorage.TableFault.RepeatedLater, 409, 1)]
    public async Task Applies_a_faulty_insert_at_most_once(SimulatedStorage.TableFault fault, int secondStatus, int requests)
    {
        var table = _storage.Table();
        await table.CreateAsync();
        var before = _storage.Counter.Requests;
        var injected = 0;
        _storage.Service.Fault = _ => injected++ == 0 ? fault : SimulatedStorage.TableFault.None;

        var first = await Record.ExceptionAsync(() => table.AddEntityAsync(new TableEntity("p", "1")));

        Assert.Equal(requests, _storage.Counter.Requests - before);
        Assert.True(first is null or RequestFailedException { Status: 409 });
        var second = await Assert.ThrowsAsync<RequestFailedException>(() => table.AddEntityAsync(new TableEntity("p", "1")));
        Assert.Equal(secondStatus, second.Status);
        Assert.Equal(1, _storage.Service.Count(table.Name));
    }

    [Fact]
    public async Task Applies_nothing_of_a_transaction_with_an_inner_fault()
    {
        var table = _storage.Table();
        await table.CreateAsync();
        _storage.Service.Fault = _ => SimulatedStorage.TableFault.InnerBusy;

        var fault = await Assert.ThrowsAsync<TableTransactionFailedException>(() => table.SubmitTransactionAsync(
            [new(TableTransactionActionType.Add, new TableEntity("p", "1"))]));

        Assert.Equal((503, "ServerBusy", 0), (fault.Status, fault.ErrorCode, _storage.Service.Count(table.Name)));
    }
}
