using System.Net;
using System.Text;
using ContentSync.Http;
using ContentSync.Local;
using ContentSync.Local.Hosting;
using ContentSync.Tests.Http;

namespace ContentSync.Tests.Local.Hosting;

public sealed class LocalHostTests
{
    [Fact]
    public async Task Asks_for_the_key_on_every_route_that_needs_it_and_on_no_other()
    {
        await using var host = await RunningHost.StartAsync("the key", ApiHarness.Secret);
        foreach (var route in ApiRoutes.All)
        {
            using var request = new HttpRequestMessage(new HttpMethod(route.Method), new Uri(route.Path.Replace("{contentId}", "nobody", StringComparison.Ordinal).Replace("{runId}", "nobody", StringComparison.Ordinal).Replace("{file}", "pages.css", StringComparison.Ordinal), UriKind.Relative));
            using var without = await host.Client.SendAsync(request);
            Assert.Equal(route.Access == ApiAccess.Key, without.StatusCode == HttpStatusCode.Unauthorized && (await without.Content.ReadAsStringAsync()).Contains("x-functions-key", StringComparison.Ordinal));
        }

        using var wrong = await GetAsync(host, "/api/content", "the Key");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        using var right = await GetAsync(host, "/api/content", "the key");
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    [Fact]
    public async Task Sets_the_security_headers_on_every_answer()
    {
        await using var host = await RunningHost.StartAsync();
        foreach (var path in new[] { "/", "/api/board", "/api/health", "/api/content/nobody", "/nothing/here" })
        {
            using var answer = await GetAsync(host, path);
            Assert.Equal(SecurityHeaders.ContentSecurityPolicy, Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
            Assert.False(answer.Headers.Contains("Server"));
        }
    }

    [Fact]
    public async Task Answers_to_no_name_but_this_machines()
    {
        await using var host = await RunningHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/content") { Headers = { Host = "evil.example" } };
        using var answer = await host.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, answer.StatusCode);
    }

    [Fact]
    public async Task Lets_no_page_of_another_origin_change_anything()
    {
        await using var host = await RunningHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/content/A/replay");
        request.Headers.Add("Origin", "http://evil.example");
        using var answer = await host.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Listens_on_loopback_only()
    {
        await using var host = await RunningHost.StartAsync();
        Assert.True(host.Address.IsLoopback);
    }

    [Fact]
    public async Task Names_an_unknown_path_and_a_wrong_method_as_problems()
    {
        await using var host = await RunningHost.StartAsync();
        using var unknown = await GetAsync(host, "/api/contents");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal("application/problem+json", unknown.Content.Headers.ContentType!.MediaType);
        using var wrong = await host.Client.DeleteAsync(new Uri("/api/content", UriKind.Relative));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrong.StatusCode);
    }

    [Fact]
    public async Task Takes_a_batch_over_a_real_connection_and_synchronizes_it()
    {
        await using var host = await RunningHost.StartAsync();
        var lines = string.Join('\n', Enumerable.Range(0, 600).Select(i => ApiHarness.Item($"I{i}")));
        using var body = new StringContent(lines, Encoding.UTF8, "application/x-ndjson");
        using var answer = await host.Client.PostAsync(new Uri("/api/content/batch", UriKind.Relative), body);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        await host.Pipeline.Queue.WaitForActiveAsync(0, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(600, host.Pipeline.Gateway!.Snapshot().Count);
    }

    [Fact]
    public async Task Says_which_webhook_secret_cannot_be_used()
    {
        var e = await Assert.ThrowsAsync<CommandException>(() => RunningHost.StartAsync(null, "short"));
        Assert.Contains("--webhook-secret", e.Message, StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> GetAsync(RunningHost host, string path, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null) request.Headers.Add(ApiKey.Header, key);
        return await host.Client.SendAsync(request);
    }
}
