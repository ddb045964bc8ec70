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
    public async Task SubmitContent_sends_immediately()
    {
        var (status, body, _) = await SubmitAsync(TestHost.Item("TEA-1"));
        Assert.Equal(200, status);
        Assert.Contains("\"state\":\"synchronized\"", body, StringComparison.Ordinal);
        Assert.Empty(_host.Bus.Sent);
    }

    [Fact]
    public async Task SubmitContent_enqueues_a_reference_when_the_caller_prefers_async()
    {
        var (status, _, headers) = await SubmitAsync(TestHost.Item("TEA-1"), prefer: "respond-async");
        Assert.Equal(202, status);
        Assert.Equal("/api/content/TEA-1", headers.Location.ToString());
        Assert.Empty(_host.Gateway.Snapshot());
        Assert.Equal(["complete"], (await _host.DeliverAsync(Assert.Single(_host.Bus.Sent))).Settlements);
        Assert.Equal("TEA-1", Assert.Single(_host.Gateway.Snapshot()).Key);
    }

    [Fact]
    public async Task SubmitContent_returns_problem_details_with_a_pointer_for_each_fault()
    {
        var (status, body, _) = await SubmitAsync("""{"contentId":"","contentType":"SKU","contentStatus":"on","contentInfo":{}}""");
        Assert.Equal(400, status);
        using var problem = JsonDocument.Parse(body);
        Assert.Contains("/contentStatus", problem.RootElement.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
        Assert.Equal(415, (await SubmitAsync("x", contentType: "text/plain")).Status);
    }

    [Fact]
    public async Task SubmitContent_returns_503_with_Retry_After_while_AlipayHK_fails()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("unknown=1");
        var (status, _, headers) = await SubmitAsync(TestHost.Item("TEA-1"));
        Assert.Equal(503, status);
        Assert.Equal("60", headers.RetryAfter.ToString());
    }

    [Fact]
    public async Task A_disconnected_caller_is_not_a_failure_of_the_function()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("hang=1");
        using var disconnected = new CancellationTokenSource();
        var response = _host.InvokeHttpAsync(
            TestHost.Item("TEA-1"), request => _host.Function<ContentFunctions>().SubmitContent(request, disconnected.Token));
        while (_host.Gateway.Stats.Requests == 0) await Task.Delay(5);
        await disconnected.CancelAsync();
        Assert.Equal(499, (await response).Status);
    }

    [Fact]
    public async Task GetContent_returns_the_state_of_an_item()
    {
        await SubmitAsync(TestHost.Item("TEA-1"));
        var known = await _host.InvokeHttpAsync("", request => GetAsync(request, "TEA-1"));
        var unknown = await _host.InvokeHttpAsync("", request => GetAsync(request, "tea-1"));
        Assert.Equal((200, 404), (known.Status, unknown.Status));
    }

    [Fact]
    public async Task CheckHealth_fails_while_the_ledger_is_unavailable()
    {
        Task<(int Status, string Body, IHeaderDictionary Headers)> CheckAsync() =>
            _host.InvokeHttpAsync("", request => _host.Function<PageFunctions>().CheckHealth(request, CancellationToken.None));
        Assert.Equal(200, (await CheckAsync()).Status);
        _host.Ledger.Unavailable = new LedgerUnavailableException("unavailable");
        Assert.Equal(503, (await CheckAsync()).Status);
    }

    [Theory]
    [InlineData("[{0},{1},{2}]", "application/json")]
    [InlineData("{0}\n{1}\n\n{2}\n", "application/x-ndjson; charset=utf-8")]
    public async Task SubmitContentBatch_accepts_valid_items_and_lists_the_errors_of_the_others(string form, string contentType)
    {
        var body = form.Replace("{0}", TestHost.Item("A"), StringComparison.Ordinal).Replace("{1}", """{"contentId":"B"}""", StringComparison.Ordinal).Replace("{2}", TestHost.Item("C"), StringComparison.Ordinal);
        var (status, text, _) = await BatchAsync(body, contentType);
        Assert.Equal(202, status);
        using var response = JsonDocument.Parse(text);
        Assert.Equal(2, response.RootElement.GetProperty("counts").GetProperty("accepted").GetInt32());
        var items = response.RootElement.GetProperty("items").EnumerateArray().ToArray();
        Assert.Equal(["accepted", "invalid", "accepted"], items.Select(item => item.GetProperty("outcome").GetString()));
        Assert.Equal("B", items[1].GetProperty("contentId").GetString());
        Assert.True(items[1].GetProperty("errors").GetArrayLength() > 1);
        Assert.Equal(2, _host.Bus.Sent.Count);
        foreach (var message in _host.Bus.Sent) await _host.DeliverAsync(message);
        Assert.Equal(["A", "C"], _host.Gateway.Snapshot().Keys.Order());
    }

    [Fact]
    public async Task SubmitContentBatch_accepts_the_items_before_malformed_JSON()
    {
        var (status, text, _) = await BatchAsync($"[{TestHost.Item("A")},{TestHost.Item("B")} x", "application/json");
        Assert.Equal(400, status);
        using var response = JsonDocument.Parse(text);
        Assert.Equal(
            ["accepted", "accepted"],
            response.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("outcome").GetString()));
        Assert.Equal(2, _host.Bus.Sent.Count);
    }

    [Fact]
    public async Task SubmitContentBatch_rejects_other_media_types_and_too_many_items()
    {
        Assert.Equal(415, (await BatchAsync("[]", "text/csv")).Status);
        var many = string.Join('\n', Enumerable.Repeat("{}", ContentSync.Http.SubmitContentBatchHandler.MaxItems + 1));
        Assert.Equal(413, (await BatchAsync(many, "application/x-ndjson")).Status);
    }

    [Fact]
    public async Task SubmitContentBatch_loses_nothing_without_the_queue_and_returns_503_without_the_ledger()
    {
        _host.Bus.Unavailable = new UnauthorizedAccessException("no right to send");
        Assert.Equal(202, (await BatchAsync($"[{TestHost.Item("A")}]", "application/json")).Status);
        _host.Ledger.Unavailable = new LedgerUnavailableException("unavailable");
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

    private Task<(int Status, string Body, IHeaderDictionary Headers)> SubmitAsync(
        string body, string contentType = "application/json", string? prefer = null) => _host.InvokeHttpAsync(
        body, request => _host.Function<ContentFunctions>().SubmitContent(request, CancellationToken.None), contentType, prefer);

    private Task<(int Status, string Body, IHeaderDictionary Headers)> BatchAsync(string body, string contentType) =>
        _host.InvokeHttpAsync(body, request => _host.Function<ContentFunctions>().SubmitContentBatch(request, CancellationToken.None), contentType);

    private Task<IResult> GetAsync(HttpRequest request, string contentId)
    {
        request.RouteValues["contentId"] = contentId;
        return _host.Function<ContentFunctions>().GetContent(request, CancellationToken.None);
    }
}
