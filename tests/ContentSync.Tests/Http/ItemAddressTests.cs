using System.Net;
using ContentSync.Functions;
using ContentSync.Http;
using ContentSync.Tests.Functions;
using ContentSync.Tests.Local.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace ContentSync.Tests.Http;

/// <summary>Every accepted contentId is reached under its own address, and no other item is.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class ItemAddressTests
{
    public static TheoryData<string> ContentIds =>
    [
        "A/B", "50%2Foff", "50/off", "50%252Foff", ".", "..", "a%b", "x/", "/x", "a//b", "batch", "preview", "replay", "Replay", "A-1_2.3~4", "a.",
        "a b", " a ", "a+b", "a?b#c", "a&contentId=b", "a\\b", "a;b=c", "手搖飲", "a\u200Bb", "%", "%2F", "code", ":", "*",
    ];

    [Theory]
    [MemberData(nameof(ContentIds))]
    public async Task Follows_the_location_of_every_id_on_the_local_host(string contentId)
    {
        await using var host = await RunningHost.StartAsync();
        using var body = new StringContent(ApiHarness.Item(contentId, "guaranteed profit"), System.Text.Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/content") { Content = body };
        request.Headers.Add("Prefer", "respond-async");
        using var submitted = await host.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, submitted.StatusCode);
        await host.Pipeline.Queue.WaitForActiveAsync(0, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));

        using var found = await host.Client.GetAsync(submitted.Headers.Location);
        Assert.Equal(HttpStatusCode.OK, found.StatusCode);
        using var document = System.Text.Json.JsonDocument.Parse(await found.Content.ReadAsStringAsync());
        var state = document.RootElement;
        Assert.Equal((contentId, "parked"), (state.GetProperty("contentId").GetString(), state.GetProperty("state").GetString()));

        using var replayed = await host.Client.PostAsync(new Uri(ItemAddress.ReplayOf(contentId), UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.Accepted, replayed.StatusCode);
        Assert.Equal(submitted.Headers.Location, replayed.Headers.Location);

        using var delisted = await host.Client.DeleteAsync(submitted.Headers.Location);
        Assert.Equal((HttpStatusCode.Accepted, submitted.Headers.Location), (delisted.StatusCode, delisted.Headers.Location));
    }

    [Theory]
    [MemberData(nameof(ContentIds))]
    public async Task Follows_the_location_of_every_id_on_the_Functions_host(string contentId)
    {
        await using var host = await TestHost.StartAsync();
        var functions = host.Function<ContentFunctions>();
        var (status, _, headers) = await host.InvokeHttpAsync(
            ApiHarness.Item(contentId), request => functions.SubmitContent(request, CancellationToken.None), prefer: "respond-async");
        Assert.Equal(202, status);
        var (found, text, _) = await host.InvokeHttpAsync("", request => GetAsync(functions, request, headers.Location.ToString()));
        Assert.Equal(200, found);
        using var state = System.Text.Json.JsonDocument.Parse(text);
        Assert.Equal(contentId, state.RootElement.GetProperty("contentId").GetString());
    }

    [Theory]
    [InlineData("/api/content/A%2FB")]
    [InlineData("/api/content/50%252Foff")]
    [InlineData("/api/content/a%25b")]
    public async Task Refuses_an_id_in_the_path_that_hosts_read_differently(string path)
    {
        using var api = new ApiHarness();
        var response = await api.GetAsync(path);
        Assert.Equal(400, response.Status);
        Assert.Contains("/api/content?contentId=A%2FB", response.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/api/content?contentId=", "missing")]
    [InlineData("GET", "/api/content?contentId=A&contentId=B", "2 times")]
    [InlineData("GET", "/api/content?contentId=A&state=parked", "'state'")]
    [InlineData("GET", "/api/content/A?contentId=B", "'contentId'")]
    [InlineData("POST", "/api/content/replay?contentId=", "missing")]
    [InlineData("POST", "/api/content/replay?contentId=A&all=true", "'all'")]
    public async Task Refuses_a_query_that_does_not_name_one_item(string method, string target, string says)
    {
        using var api = new ApiHarness();
        var response = await api.SendAsync(method, target, null);
        Assert.Equal(400, response.Status);
        Assert.Contains(says, response.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ignores_the_key_that_the_Functions_host_takes_in_the_query()
    {
        using var api = new ApiHarness();
        await api.PostAsync("/api/content", ApiHarness.Item("A"));
        Assert.Equal(200, (await api.GetAsync("/api/content/A?code=key")).Status);
        Assert.Equal(200, (await api.GetAsync("/api/content?contentId=A&code=key")).Status);
    }

    // What the Functions host does with a request: decoded query, and a route value if the path has one.
    private static Task<IResult> GetAsync(ContentFunctions functions, HttpRequest request, string location)
    {
        var (path, query) = location.Split('?', 2) is [var before, var after] ? (before, after) : (location, "");
        request.Query = new QueryCollection(QueryHelpers.ParseQuery(query));
        if (path == "/api/content") return functions.ListContent(request, CancellationToken.None);
        request.RouteValues["contentId"] = path["/api/content/".Length..];
        return functions.GetContent(request, CancellationToken.None);
    }
}
