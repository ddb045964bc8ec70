using System.Text.Json;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Simulator;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Tests.Functions;

public sealed class HttpFunctionsTests : IAsyncLifetime
{
    private TestHost _host = null!;

    public async Task InitializeAsync() => _host = await TestHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task SubmitContent_sends_at_once()
    {
        var (status, body, _) = await SubmitAsync(TestHost.Item("TEA-1"));
        Assert.Equal(200, status);
        Assert.Contains("\"state\":\"synchronized\"", body, StringComparison.Ordinal);
        Assert.Empty(_host.Bus.Sent);
    }

    [Fact]
    public async Task SubmitContent_enqueues_a_reference_where_the_caller_prefers_it()
    {
        var (status, _, headers) = await SubmitAsync(TestHost.Item("TEA-1"), prefer: "respond-async");
        Assert.Equal(202, status);
        Assert.Equal("/api/content/TEA-1", headers.Location.ToString());
        Assert.Empty(_host.Gateway.Snapshot());
        Assert.Equal(["complete"], (await _host.DeliverAsync(Assert.Single(_host.Bus.Sent))).Settlements);
        Assert.Equal("TEA-1", Assert.Single(_host.Gateway.Snapshot()).Key);
    }

    [Fact]
    public async Task SubmitContent_answers_problem_details_with_a_pointer_for_each_fault()
    {
        var (status, body, _) = await SubmitAsync("""{"contentId":"","contentType":"SKU","contentStatus":"on","contentInfo":{}}""");
        Assert.Equal(400, status);
        using var problem = JsonDocument.Parse(body);
        Assert.Contains("/contentStatus", problem.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
        Assert.Equal(415, (await SubmitAsync("x", contentType: "text/plain")).Status);
    }

    [Fact]
    public async Task SubmitContent_answers_503_with_a_wait_while_AlipayHK_fails()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1");
        var (status, _, headers) = await SubmitAsync(TestHost.Item("TEA-1"));
        Assert.Equal(503, status);
        Assert.Equal("60", headers.RetryAfter.ToString());
    }

    [Fact]
    public async Task A_caller_who_goes_away_is_no_failure_of_the_function()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("hang=1");
        using var gone = new CancellationTokenSource();
        var answer = _host.AnswerAsync(TestHost.Item("TEA-1"), request => _host.Function<SubmitContent>().RunAsync(request, gone.Token));
        while (_host.Gateway.Stats.Requests == 0) await Task.Delay(5);
        await gone.CancelAsync();
        Assert.Equal(499, (await answer).Status);
    }

    [Fact]
    public async Task GetContent_tells_where_a_content_stands()
    {
        await SubmitAsync(TestHost.Item("TEA-1"));
        var known = await _host.AnswerAsync("", request => GetAsync(request, "TEA-1"));
        var unknown = await _host.AnswerAsync("", request => GetAsync(request, "tea-1"));
        Assert.Equal((200, 404), (known.Status, unknown.Status));
    }

    [Fact]
    public async Task CheckHealth_fails_while_the_ledger_is_away()
    {
        Task<(int Status, string Body, IHeaderDictionary Headers)> CheckAsync() => _host.AnswerAsync("", request => _host.Function<CheckHealth>().RunAsync(request, CancellationToken.None));
        Assert.Equal(200, (await CheckAsync()).Status);
        _host.Ledger.Unavailable = new LedgerUnavailableException("away");
        Assert.Equal(503, (await CheckAsync()).Status);
    }

    [Theory]
    [InlineData("[{0},{1},{2}]", "application/json")]
    [InlineData("{0}\n{1}\n\n{2}\n", "application/x-ndjson; charset=utf-8")]
    public async Task SubmitContentBatch_takes_the_sound_ones_and_names_what_is_wrong_with_the_others(string form, string contentType)
    {
        var body = form.Replace("{0}", TestHost.Item("A"), StringComparison.Ordinal).Replace("{1}", """{"contentId":"B"}""", StringComparison.Ordinal).Replace("{2}", TestHost.Item("C"), StringComparison.Ordinal);
        var (status, text, _) = await BatchAsync(body, contentType);
        Assert.Equal(202, status);
        using var answer = JsonDocument.Parse(text);
        Assert.Equal(2, answer.RootElement.GetProperty("counts").GetProperty("accepted").GetInt32());
        var items = answer.RootElement.GetProperty("items").EnumerateArray().ToArray();
        Assert.Equal(["accepted", "invalid", "accepted"], items.Select(item => item.GetProperty("outcome").GetString()));
        Assert.Equal("B", items[1].GetProperty("contentId").GetString());
        Assert.True(items[1].GetProperty("errors").GetArrayLength() > 1);
        Assert.Equal(2, _host.Bus.Sent.Count);
        foreach (var message in _host.Bus.Sent) await _host.DeliverAsync(message);
        Assert.Equal(["A", "C"], _host.Gateway.Snapshot().Keys.Order());
    }

    [Fact]
    public async Task SubmitContentBatch_accepts_what_stands_before_a_break()
    {
        var (status, text, _) = await BatchAsync($"[{TestHost.Item("A")},{TestHost.Item("B")} x", "application/json");
        Assert.Equal(400, status);
        using var answer = JsonDocument.Parse(text);
        Assert.Equal(["accepted", "accepted"], answer.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("outcome").GetString()));
        Assert.Equal(2, _host.Bus.Sent.Count);
    }

    [Fact]
    public async Task SubmitContentBatch_refuses_other_media_types_and_too_many_items()
    {
        Assert.Equal(415, (await BatchAsync("[]", "text/csv")).Status);
        var many = string.Join('\n', Enumerable.Repeat("{}", ContentSync.Http.SubmitContentBatchHandler.MaxItems + 1));
        Assert.Equal(413, (await BatchAsync(many, "application/x-ndjson")).Status);
    }

    [Fact]
    public async Task SubmitContentBatch_loses_nothing_while_the_queue_is_away_and_says_so_while_the_ledger_is()
    {
        _host.Bus.Unavailable = new UnauthorizedAccessException("no right to send");
        Assert.Equal(202, (await BatchAsync($"[{TestHost.Item("A")}]", "application/json")).Status);
        _host.Ledger.Unavailable = new LedgerUnavailableException("away");
        var (status, text, headers) = await BatchAsync($"[{TestHost.Item("B")}]", "application/json");
        Assert.Equal((503, "10"), (status, headers.RetryAfter.ToString()));
        Assert.Contains("notAccepted", text, StringComparison.Ordinal);

        _host.Bus.Unavailable = null;
        _host.Ledger.Unavailable = null;
        _host.Time.Advance(SweepPending.Grace + TimeSpan.FromSeconds(1));
        await _host.Function<SweepPending>().RunAsync(new Microsoft.Azure.Functions.Worker.TimerInfo(), CancellationToken.None);
        await _host.DeliverAsync(Assert.Single(_host.Bus.Sent));
        Assert.Equal("A", Assert.Single(_host.Gateway.Snapshot()).Key);
    }

    private Task<(int Status, string Body, IHeaderDictionary Headers)> SubmitAsync(string body, string contentType = "application/json", string? prefer = null) =>
        _host.AnswerAsync(body, request => _host.Function<SubmitContent>().RunAsync(request, CancellationToken.None), contentType, prefer);

    private Task<(int Status, string Body, IHeaderDictionary Headers)> BatchAsync(string body, string contentType) =>
        _host.AnswerAsync(body, request => _host.Function<SubmitContentBatch>().RunAsync(request, CancellationToken.None), contentType);

    private Task<IResult> GetAsync(HttpRequest request, string contentId)
    {
        request.RouteValues["contentId"] = contentId;
        return _host.Function<GetContent>().RunAsync(request, CancellationToken.None);
    }
}
