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
    public void Describes_a_route_as_it_is(string name)
    {
        var route = ApiRoutes.All.Single(route => route.Name == name);
        var operation = ApiDescription.Operation(route);
        Assert.Equal(name, operation.GetProperty("operationId").GetString());
        Assert.Equal(route.Access == ApiAccess.Key, operation.GetProperty("security").GetArrayLength() > 0);
        Assert.Equal(route.Access == ApiAccess.Key, operation.GetProperty("responses").TryGetProperty("401", out _) && route.Name != "ReceiveWebhook");
        Assert.Equal(route.Path.Contains("{contentId}", StringComparison.Ordinal), Parameters(operation, "path").Contains("contentId"));
        Assert.Equal(route.Path.Contains("{runId}", StringComparison.Ordinal), Parameters(operation, "path").Contains("runId"));
    }

    [Fact]
    public void Describes_nothing_that_is_not_there()
    {
        var described = ApiDescription.Document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name} {path.Name}"));
        var mapped = ApiRoutes.All.Where(ApiDescription.IsDescribed).Select(route => $"{string.Create(route.Method.Length, route.Method, (span, text) => text.AsSpan().ToLowerInvariant(span))} {route.Path}");
        Assert.Equal(mapped.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Describes_the_parameters_that_a_list_takes() =>
        Assert.Equal(ListContentHandler.Parameters, Parameters(ApiDescription.Operation(ApiRoutes.All.Single(route => route.Name == "ListContent")), "query"));

    [Theory]
    [InlineData(typeof(ContentState))]
    [InlineData(typeof(AttemptState))]
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
    [InlineData(typeof(StopState))]
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
    public void Refers_to_nothing_that_is_missing()
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
    public void Has_a_handler_for_every_route()
    {
        using var api = new ApiHarness();
        Assert.All(ApiRoutes.All, route => Assert.NotNull(api.Services.GetRequiredService(route.Handler)));
        Assert.Equal(ApiRoutes.All.Count, ApiRoutes.All.DistinctBy(route => route.Name).Count());
    }

    private static string[] Parameters(JsonElement operation, string place) => operation.TryGetProperty("parameters", out var parameters)
        ? [.. parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == place).Select(parameter => parameter.GetProperty("name").GetString()!)]
        : [];
}
