using System.Text.Json;
using ContentSync.Http;
using ContentSync.Http.Board;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
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
    public void Describes_no_route_that_does_not_exist()
    {
        var described = ApiDescription.Document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name} {path.Name}"));
        var mapped = ApiRoutes.All.Where(ApiDescription.IsDescribed).Select(route => $"{ApiDescription.Lower(route.Method)} {route.Path}");
        Assert.Equal(mapped.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Describes_the_query_parameters_of_the_item_list()
    {
        var operation = ApiDescription.Operation(ApiRoutes.All.Single(route => route.Name == "ListContent"));
        Assert.Equal(ListContentHandler.Parameters, Parameters(operation, "query"));
    }

    [Theory]
    [InlineData(typeof(ContentState))]
    [InlineData(typeof(AttemptState))]
    [InlineData(typeof(StaleState))]
    [InlineData(typeof(ContentPage))]
    [InlineData(typeof(ContentPreview))]
    [InlineData(typeof(BatchResult))]
    [InlineData(typeof(BatchItemResult))]
    [InlineData(typeof(ReplayRequest))]
    [InlineData(typeof(ReplayResponse))]
    [InlineData(typeof(HealthState))]
    [InlineData(typeof(ResyncRequest))]
    [InlineData(typeof(ResendRequest))]
    [InlineData(typeof(ResyncList))]
    [InlineData(typeof(ResyncState))]
    [InlineData(typeof(ResyncCounts))]
    [InlineData(typeof(ResyncIssue))]
    [InlineData(typeof(PlanCounts))]
    [InlineData(typeof(BoardState))]
    [InlineData(typeof(OldestPendingState))]
    [InlineData(typeof(OpenCircuitState))]
    [InlineData(typeof(FailureState))]
    [InlineData(typeof(ProblemError))]
    public void Describes_the_members_of_a_type(Type type)
    {
        var described = ApiDescription.Document.GetProperty("components").GetProperty("schemas").GetProperty(type.Name).GetProperty("properties");
        Assert.Equal(
            ApiJson.Responses.GetTypeInfo(type)!.Properties.Select(property => property.Name).Order(StringComparer.Ordinal),
            described.EnumerateObject().Select(property => property.Name).Order(StringComparer.Ordinal));
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
