using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContentSync.ApiDescription;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Pages;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Http;

public sealed class ApiDescriptionTests
{
    public static TheoryData<string> Described => [.. ApiRoutes.All.Where(ApiDescription.IsDescribed).Select(route => route.Name)];

    [Theory]
    [MemberData(nameof(Described))]
    public void Describes_every_route(string name)
    {
        var route = ApiRoutes.All.Single(route => route.Name == name);
        var operation = ApiDescription.Operation(route);
        Assert.Equal(name, operation.GetProperty("operationId").GetString());
        Assert.Equal(route.Access == ApiAccess.Key, operation.GetProperty("security").GetArrayLength() > 0);
        var has401 = operation.GetProperty("responses").TryGetProperty("401", out _);
        Assert.Equal(route.Access == ApiAccess.Key, has401 && route.Name != "ReceiveWebhook");
        Assert.Equal(route.Path.Contains("{contentId}", StringComparison.Ordinal), Parameters(operation, "path").Contains("contentId"));
        Assert.Equal(route.Path.Contains("{runId}", StringComparison.Ordinal), Parameters(operation, "path").Contains("runId"));
    }

    [Fact]
    public void Equals_what_the_routes_and_types_say()
    {
        Assert.True(OpenApiDocument.Committed() == OpenApiDocument.Create(), OpenApiDocument.Outdated);
    }

    [Fact]
    public void Describes_no_page()
    {
        Assert.All(ApiRoutes.All, route => Assert.Equal(route.Handler == typeof(PageFilesHandler), route.Description is null));
    }

    [Fact]
    public void Describes_the_members_of_an_item_that_the_reader_takes()
    {
        var schema = ApiDescription.Document.GetProperty("components").GetProperty("schemas").GetProperty("ContentItem");
        var members = schema.GetProperty("properties").EnumerateObject().Select(member => member.Name);
        var required = schema.GetProperty("required").EnumerateArray().Select(name => name.GetString()!).ToArray();
        var reader = new ContentReader(new ContentOptions(), TimeProvider.System);
        var item = JsonNode.Parse(ApiHarness.Item("A-1"))!.AsObject();
        Assert.Empty(Read(item).Violations);
        foreach (var name in required)
        {
            var without = item.DeepClone().AsObject();
            without.Remove(name);
            Assert.Contains(Read(without).Violations, violation => violation.Message.Contains(name, StringComparison.Ordinal));
        }

        item["unknown"] = 1;
        var unknown = Assert.Single(Read(item).Violations);
        Assert.Contains(string.Join(", ", members), unknown.Message, StringComparison.Ordinal);

        ContentReadResult Read(JsonObject json) => reader.Read(Encoding.UTF8.GetBytes(json.ToJsonString()));
    }

    [Theory]
    [MemberData(nameof(Described))]
    public async Task Accepts_the_example_of_each_body(string name)
    {
        using var api = new ApiHarness();
        var route = ApiRoutes.All.Single(route => route.Name == name);
        foreach (var body in route.Description!.Bodies)
        {
            var content = ApiDescription.Operation(route).GetProperty("requestBody").GetProperty("content").GetProperty(body.MediaType);
            if (body.Type != typeof(string)) ApiDescription.CheckJson(content.GetProperty("schema"), content.GetProperty("example"), body.MediaType);
            // The example of a webhook carries no signature.
            if (route.Access == ApiAccess.Key) Assert.InRange((await api.PostAsync(route.Path, body.Example, body.MediaType)).Status, 200, 202);
        }
    }

    [Fact]
    public void Resolves_every_reference()
    {
        Visit(ApiDescription.Document);

        static void Visit(JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in element.EnumerateArray()) Visit(item);
            }

            if (element.ValueKind != JsonValueKind.Object) return;
            ApiDescription.Resolve(element);
            foreach (var member in element.EnumerateObject()) Visit(member.Value);
        }
    }

    [Fact]
    public void Registers_a_handler_for_every_route()
    {
        using var api = new ApiHarness();
        Assert.All(ApiRoutes.All, route => Assert.NotNull(api.Services.GetRequiredService(route.Handler)));
        Assert.Equal(ApiRoutes.All.Count, ApiRoutes.All.DistinctBy(route => route.Name).Count());
    }

    private static string[] Parameters(JsonElement operation, string place)
    {
        if (!operation.TryGetProperty("parameters", out var parameters)) return [];
        var matching = parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == place);
        return [.. matching.Select(parameter => parameter.GetProperty("name").GetString()!)];
    }
}
