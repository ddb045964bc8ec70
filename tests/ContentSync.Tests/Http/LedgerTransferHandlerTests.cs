using System.Text.Json;

namespace ContentSync.Tests.Http;

public sealed class LedgerTransferHandlerTests : IDisposable
{
    private const string Ndjson = "application/x-ndjson";

    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Exports_what_another_app_imports_in_whole_or_in_part()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        await _api.ParkAsync("P");
        var export = (await _api.GetAsync("/api/ledger/export")).Text;
        var lines = export.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length);
        Assert.Equal(2, JsonDocument.Parse(lines[^1]).RootElement.GetProperty("records").GetInt32());

        using var other = new ApiHarness();
        var part = await other.PostAsync("/api/ledger/import", lines[1] + "\n", Ndjson);
        var whole = await other.PostAsync("/api/ledger/import", export, Ndjson);

        Assert.Equal((200, 1, 0), Counts(part));
        Assert.Equal((200, 1, 1), Counts(whole));
        var states = new[] { "S", "P" }.Select(async id => (await other.GetAsync($"/api/content/{id}")).Json.GetProperty("state").GetString()!);
        Assert.Equal(["pending", "parked"], await Task.WhenAll(states));
    }

    [Fact]
    public async Task Names_the_line_that_is_wrong_and_how_many_records_precede_it()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        var line = (await _api.GetAsync("/api/ledger/export")).Text.Split('\n')[1];
        using var other = new ApiHarness();

        var response = await other.PostAsync("/api/ledger/import", $"{line}\n{line}\n{line.Replace("\"state\":", "\"sate\":", StringComparison.Ordinal)}\n", Ndjson);

        Assert.Equal(400, response.Status);
        Assert.StartsWith("Line 3 cannot be imported. ", response.Detail, StringComparison.Ordinal);
        Assert.EndsWith("1 record was imported before.", response.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_any_other_media_type() =>
        Assert.Equal(415, (await _api.PostAsync("/api/ledger/import", "{}", "text/csv")).Status);

    private static (int Status, int Imported, int Kept) Counts(ApiResponse response) =>
        (response.Status, response.Json.GetProperty("imported").GetInt32(), response.Json.GetProperty("kept").GetInt32());
}
