using ContentSync.Ledger;

namespace ContentSync.Tests.Http;

public sealed class ListContentHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Lists_every_item_exactly_once_and_in_order_across_pages()
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
    [InlineData("?reason=rejected", "P")]
    [InlineData("?reason=ageExceeded", "")]
    [InlineData("?prefix=M", "M")]
    [InlineData("?prefix=m", "")]
    [InlineData("?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z", "M,P,S")]
    [InlineData("?to=2000-01-01T00:00:00Z", "")]
    public async Task Filters_items(string query, string expected)
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
    [InlineData("?reason=bad", "rejected, attemptsExhausted, ageExceeded")]
    [InlineData("?from=yesterday", "zone")]
    [InlineData("?limit=0", "from 1 to 200")]
    [InlineData("?limit=201", "from 1 to 200")]
    [InlineData("?limit=%2B5", "from 1 to 200")]
    [InlineData("?stat=parked", "the parameters are state, type, code, reason, prefix, from, to, stale, limit, continuation")]
    [InlineData("?type=SKU&type=MOVIE", "give it once")]
    public async Task Says_what_is_wrong_with_a_query(string query, string expected)
    {
        var response = await _api.GetAsync("/api/content" + query);
        Assert.Equal(400, response.Status);
        Assert.Contains(expected, response.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rejects_a_continuation_that_was_modified_or_belongs_to_another_list()
    {
        foreach (var id in new[] { "A", "B", "C" }) await _api.PostAsync("/api/content", ApiHarness.Item(id));
        var token = (await _api.GetAsync("/api/content?limit=1")).Json.GetProperty("continuation").GetString()!;
        Assert.Equal(200, (await _api.GetAsync($"/api/content?limit=1&continuation={token}")).Status);
        var changed = (token[0] == 'A' ? 'B' : 'A') + token[1..];
        string[] targets =
        [
            $"/api/content?continuation={changed}",
            $"/api/content?state=parked&continuation={token}",
            "/api/content?continuation=%21",
            "/api/content?continuation=QUJD",
            $"/api/content?continuation={token}AAAA",
        ];
        foreach (var target in targets)
        {
            var response = await _api.GetAsync(target);
            Assert.Equal(400, response.Status);
            Assert.Equal("The continuation is not valid.", response.Title);
        }
    }

    [Fact]
    public async Task Returns_503_while_the_ledger_is_unavailable()
    {
        _api.Ledger.Unavailable = new LedgerUnavailableException("The disk is gone.");
        Assert.Equal(503, (await _api.GetAsync("/api/content")).Status);
    }
}
