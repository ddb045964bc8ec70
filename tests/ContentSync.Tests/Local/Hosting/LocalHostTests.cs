using System.Net;
using System.Net.Sockets;
using System.Text;
using ContentSync.Http;
using ContentSync.Local;
using ContentSync.Local.Hosting;
using ContentSync.Tests.Http;

namespace ContentSync.Tests.Local.Hosting;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class LocalHostTests
{
    [Fact]
    public async Task Requires_the_key_on_exactly_the_routes_that_need_it()
    {
        await using var host = await RunningHost.StartAsync("the key", ApiHarness.Secret);
        foreach (var route in ApiRoutes.All)
        {
            var path = route.Path
                .Replace("{contentId}", "unknown", StringComparison.Ordinal)
                .Replace("{runId}", "unknown", StringComparison.Ordinal)
                .Replace("{file}", "pages.css", StringComparison.Ordinal);
            using var request = new HttpRequestMessage(new HttpMethod(route.Method), new Uri(path, UriKind.Relative));
            using var without = await host.Client.SendAsync(request);
            var isRefused = without.StatusCode == HttpStatusCode.Unauthorized
                && (await without.Content.ReadAsStringAsync()).Contains("x-functions-key", StringComparison.Ordinal);
            Assert.Equal(route.Access == ApiAccess.Key, isRefused);
        }

        using var wrong = await GetAsync(host, "/api/content", "the Key");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Equal("ApiKey", Assert.Single(wrong.Headers.WwwAuthenticate).Scheme);
        using var right = await GetAsync(host, "/api/content", "the key");
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    [Fact]
    public async Task Sets_the_security_headers_on_every_response()
    {
        await using var host = await RunningHost.StartAsync();
        foreach (var path in new[] { "/", "/api/board", "/api/health", "/api/content/unknown", "/nothing/here" })
        {
            using var response = await GetAsync(host, path);
            Assert.Equal(SecurityHeaders.ContentSecurityPolicy, Assert.Single(response.Headers.GetValues("Content-Security-Policy")));
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
            Assert.False(response.Headers.Contains("Server"));
        }
    }

    [Fact]
    public async Task Answers_HEAD_wherever_it_answers_GET_without_a_body()
    {
        await using var host = await RunningHost.StartAsync();
        foreach (var path in new[] { "/", "/api/board", "/api/health", "/api/content", "/api/content/unknown", "/api/openapi.json" })
        {
            using var got = await GetAsync(host, path);
            using var request = new HttpRequestMessage(HttpMethod.Head, path);
            using var head = await host.Client.SendAsync(request);
            Assert.Equal((path, got.StatusCode), (path, head.StatusCode));
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }
    }

    [Theory]
    [InlineData("/api/content", "Transfer-Encoding: chunked", "ZZ\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("/api/content/batch", "Transfer-Encoding: chunked", "ZZ\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("/api/webhooks/content", "Transfer-Encoding: chunked", "ZZ\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("/api/content", "Content-Length: 100", "{", 408)]
    public async Task Answers_a_body_that_is_broken_or_never_arrives_with_problem_details(string path, string header, string body, int status)
    {
        await using var host = await RunningHost.StartAsync(null, ApiHarness.Secret);
        using var client = new TcpClient();
        await client.ConnectAsync(host.Address.Host, host.Address.Port);
        await using var stream = client.GetStream();
        var type = path.Contains("webhooks", StringComparison.Ordinal) ? "application/cloudevents+json" : "application/json";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: {host.Address.Authority}\r\nContent-Type: {type}\r\nConnection: close\r\n{header}\r\n\r\n{body}"));

        using var reader = new StreamReader(stream);
        var response = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));

        Assert.StartsWith($"HTTP/1.1 {status} ", response, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", response, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", response, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_requests_to_other_host_names()
    {
        await using var host = await RunningHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/content") { Headers = { Host = "evil.example" } };
        using var response = await host.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, response.StatusCode);
    }

    [Fact]
    public async Task Refuses_changes_by_pages_of_other_origins()
    {
        await using var host = await RunningHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/content/A/replay");
        request.Headers.Add("Origin", "http://evil.example");
        using var response = await host.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Listens_on_loopback_only()
    {
        await using var host = await RunningHost.StartAsync();
        Assert.True(host.Address.IsLoopback);
    }

    [Fact]
    public async Task Returns_problem_details_for_an_unknown_path_and_a_wrong_method()
    {
        await using var host = await RunningHost.StartAsync();
        using var unknown = await GetAsync(host, "/api/contents");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal("application/problem+json", unknown.Content.Headers.ContentType!.MediaType);
        using var wrong = await host.Client.PutAsync(new Uri("/api/content", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrong.StatusCode);
    }

    [Fact]
    public async Task Accepts_and_synchronizes_a_batch_over_a_real_connection()
    {
        await using var host = await RunningHost.StartAsync();
        var lines = string.Join('\n', Enumerable.Range(0, 600).Select(i => ApiHarness.Item($"I{i}")));
        using var body = new StringContent(lines, Encoding.UTF8, "application/x-ndjson");
        using var response = await host.Client.PostAsync(new Uri("/api/content/batch", UriKind.Relative), body);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        await host.Pipeline.Queue.WaitForActiveAsync(0, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(600, host.Pipeline.Gateway!.Snapshot().Count);
    }

    [Fact]
    public async Task Refuses_an_invalid_webhook_secret()
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
