using ContentSync.Http;
using ContentSync.Synchronization.Messages;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Http;

public sealed class DeadLettersHandlerTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public DeadLettersHandlerTests()
    {
        for (var number = 1; number <= 5; number++)
        {
            var isRejected = number % 2 == 0;
            _api.DeadLetters.Add(
                DeadLetterQueue.Content, number, isRejected ? "Rejected" : "InvalidMessage", $"SKU-{number}", isRejected ? "CONTENT_RISKY" : "required");
        }
    }

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Lists_messages_with_reason_and_advice_a_page_at_a_time()
    {
        var first = (await _api.GetAsync("/api/dead-letters?limit=2")).Json;
        Assert.Equal([1, 2], Numbers(first));
        var second = first.GetProperty("items")[1];
        Assert.Equal(("Rejected", "CONTENT_RISKY"), (second.GetProperty("reason").GetString(), second.GetProperty("resultCode").GetString()));
        Assert.Contains("replay", second.GetProperty("advice").GetString(), StringComparison.Ordinal);
        var rest = (await _api.GetAsync($"/api/dead-letters?queue=content&from={first.GetProperty("next").GetInt64()}")).Json;
        Assert.Equal([3, 4, 5], Numbers(rest));
        Assert.False(rest.TryGetProperty("next", out _));
        Assert.Empty(Numbers((await _api.GetAsync("/api/dead-letters?queue=resync")).Json));
    }

    [Theory]
    [InlineData("reason=Rejected", new long[] { 2, 4 })]
    [InlineData("code=required", new long[] { 1, 3, 5 })]
    [InlineData("contentId=SKU-3", new long[] { 3 })]
    [InlineData("contentId=SKU-3&reason=Rejected", new long[0])]
    public async Task Lists_only_what_the_filter_matches(string query, long[] expected) =>
        Assert.Equal(expected, Numbers((await _api.GetAsync($"/api/dead-letters?{query}")).Json));

    [Fact]
    public async Task Shows_the_body_and_the_senders_properties_of_one_message()
    {
        var letter = (await _api.GetAsync("/api/dead-letters/content/2")).Json;
        Assert.Equal(("{\"name\":\"奶茶\"}", "7"), (letter.GetProperty("body").GetString(), letter.GetProperty("properties").GetProperty("shop").GetString()));
        Assert.False(letter.GetProperty("properties").TryGetProperty("resultCode", out _));
        _api.DeadLetters.Add(DeadLetterQueue.Resync, 9, "InvalidMessage", "SKU-9", body: [0xFF, 0x00]);
        Assert.Equal("/wA=", (await _api.GetAsync("/api/dead-letters/resync/9")).Json.GetProperty("bodyBase64").GetString());
        Assert.Equal(404, (await _api.GetAsync("/api/dead-letters/content/9")).Status);
    }

    [Theory]
    [InlineData("/api/dead-letters?queue=orders", "one of content, resync")]
    [InlineData("/api/dead-letters?limit=0", "from 1 to 200")]
    [InlineData("/api/dead-letters?from=last", "a message's number")]
    [InlineData("/api/dead-letters?state=parked", "state is not a parameter")]
    [InlineData("/api/dead-letters/orders/1", "one of content, resync")]
    [InlineData("/api/dead-letters/content/first", "a message's number")]
    public async Task Refuses_a_wrong_query_in_a_sentence(string target, string expected)
    {
        var response = await _api.GetAsync(target);
        Assert.Equal(400, response.Status);
        Assert.Contains(expected, response.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resubmit", DeadLetterAction.Resubmit)]
    [InlineData("discard", DeadLetterAction.Discard)]
    public async Task Counts_first_and_then_settles_what_the_filter_matches(string path, DeadLetterAction action)
    {
        var counted = (await SettleAsync(path, """{"queue":"content","reason":"Rejected","dryRun":true}""")).Json;
        Assert.Equal((2, 0), (counted.GetProperty("matched").GetInt32(), counted.GetProperty("done").GetInt32()));
        Assert.Empty(_api.DeadLetters.Settled);

        _api.DeadLetters.Held.Add(4);
        var settled = (await SettleAsync(path, """{"queue":"content","reason":"Rejected"}""")).Json;
        Assert.Equal((2, 1), (settled.GetProperty("matched").GetInt32(), settled.GetProperty("done").GetInt32()));
        Assert.Equal(2, settled.GetProperty("reasons").GetProperty("Rejected").GetInt32());
        Assert.Equal([(DeadLetterQueue.Content, 2L, action)], _api.DeadLetters.Settled);
        Assert.Equal([1, 3, 4, 5], Numbers((await _api.GetAsync("/api/dead-letters")).Json));
    }

    [Fact]
    public async Task Settles_messages_by_number_and_a_thousand_at_a_time()
    {
        Assert.Equal(2, (await SettleAsync("discard", """{"queue":"content","sequenceNumbers":[5,1,77]}""")).Json.GetProperty("done").GetInt32());
        for (var number = 10; number < 1_020; number++) _api.DeadLetters.Add(DeadLetterQueue.Resync, number, "InvalidMessage", "SKU");
        var settled = (await SettleAsync("discard", """{"queue":"resync","all":true}""")).Json;
        Assert.Equal((1_000, true), (settled.GetProperty("done").GetInt32(), settled.GetProperty("more").GetBoolean()));
    }

    [Theory]
    [InlineData("""{"all":true}""", "queue is missing")]
    [InlineData("""{"queue":"orders","all":true}""", "one of content, resync")]
    [InlineData("""{"queue":"content"}""", "Nothing selects messages")]
    [InlineData("""{"queue":"content","sequenceNumbers":[]}""", "from 1 to 1000")]
    [InlineData("""{"queue":"content","everything":true}""", "Unknown member 'everything'")]
    [InlineData("null", "The request takes queue")]
    public async Task Refuses_a_wrong_request_and_changes_nothing(string body, string expected)
    {
        var response = await SettleAsync("discard", body);
        Assert.Equal(400, response.Status);
        Assert.Contains(expected, response.Detail, StringComparison.Ordinal);
        Assert.Empty(_api.DeadLetters.Settled);
    }

    [Fact]
    public async Task Says_that_the_queue_is_unavailable()
    {
        _api.DeadLetters.IsUnavailable = true;
        Assert.Equal(503, (await _api.GetAsync("/api/dead-letters")).Status);
        Assert.Equal(503, (await _api.GetAsync("/api/dead-letters/content/1")).Status);
        Assert.Equal(503, (await SettleAsync("resubmit", """{"queue":"content","all":true}""")).Status);
    }

    [Fact]
    public async Task A_host_without_a_dead_letter_queue_says_where_failures_are()
    {
        var services = new ServiceCollection().AddLogging().BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services };
        using var written = new MemoryStream();
        context.Response.Body = written;
        await (await new DeadLettersHandler().ListAsync(context.Request, CancellationToken.None)).ExecuteAsync(context);
        Assert.Equal(404, context.Response.StatusCode);
        Assert.Contains("/api/content?state=parked", System.Text.Encoding.UTF8.GetString(written.ToArray()), StringComparison.Ordinal);
    }

    private Task<ApiResponse> SettleAsync(string path, string body) => _api.PostAsync($"/api/dead-letters/{path}", body);

    private static IEnumerable<long> Numbers(System.Text.Json.JsonElement page) =>
        page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("sequenceNumber").GetInt64());
}
