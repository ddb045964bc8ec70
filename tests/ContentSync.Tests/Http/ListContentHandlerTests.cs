using ContentSync.Ledger;

namespace ContentSync.Tests.Http;

public sealed class ListContentHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Walks_all_pages_once_each_in_order()
    {
        foreach (var i in Enumerable.Range(0, 25)) await _api.PostAsync("/api/content", ApiHarness.Item($"I{i:00}"));
        var (seen, target, pages) = (new List<string>(), "/api/content?limit=10", 0);
        while (true)
        {
            var page = (await _api.GetAsync(target)).Json;
            pages++;
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("contentId").GetString()!));
            if (!page.TryGetProperty("continuation", out var continuation)) break;
            target = $"/api/content?limit=10&continuation={continuation.GetString()}";
        }

        Assert.Equal(3, pages);
        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"I{i:00}"), seen);
    }

    [Theory]
    [InlineData("?state=parked", "P")]
    [InlineData("?state=synchronized", "M,S")]
    [InlineData("?type=MOVIE", "M")]
    [InlineData("?code=CONTENT_RISKY", "P")]
    [InlineData("?state=pending", "")]
    public async Task Filters(string query, string expected)
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("S"));
        await _api.PostAsync("/api/content", ApiHarness.Item("M", type: "MOVIE"));
        await _api.ParkAsync("P");
        var items = (await _api.GetAsync("/api/content" + query)).Json.GetProperty("items");
        Assert.Equal(expected, string.Join(',', items.EnumerateArray().Select(item => item.GetProperty("contentId").GetString())));
    }

    [Theory]
    [InlineData("?state=gone", "pending, synchronized, parked")]
    [InlineData("?state=1", "pending, synchronized, parked")]
    [InlineData("?limit=0", "from 1 to 200")]
    [InlineData("?limit=201", "from 1 to 200")]
    [InlineData("?limit=%2B5", "from 1 to 200")]
    [InlineData("?stat=parked", "there are state, type, code, limit, continuation")]
    [InlineData("?type=SKU&type=MOVIE", "give it once")]
    public async Task Says_what_a_query_takes(string query, string expected)
    {
        var answer = await _api.GetAsync("/api/content" + query);
        Assert.Equal(400, answer.Status);
        Assert.Contains(expected, answer.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_continuation_that_was_changed_or_belongs_to_another_list()
    {
        foreach (var id in new[] { "A", "B", "C" }) await _api.PostAsync("/api/content", ApiHarness.Item(id));
        var token = (await _api.GetAsync("/api/content?limit=1")).Json.GetProperty("continuation").GetString()!;
        Assert.Equal(200, (await _api.GetAsync($"/api/content?limit=1&continuation={token}")).Status);
        var changed = (token[0] == 'A' ? 'B' : 'A') + token[1..];
        foreach (var target in new[] { $"/api/content?continuation={changed}", $"/api/content?state=parked&continuation={token}", "/api/content?continuation=%21", "/api/content?continuation=QUJD", $"/api/content?continuation={token}AAAA" })
        {
            var answer = await _api.GetAsync(target);
            Assert.Equal(400, answer.Status);
            Assert.Equal("The continuation is not valid.", answer.Title);
        }
    }

    [Fact]
    public async Task Says_so_when_the_ledger_is_away()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("The disk is gone.");
        Assert.Equal(503, (await _api.GetAsync("/api/content")).Status);
    }
}
