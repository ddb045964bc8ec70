using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using ContentSync.Http.Pages;

namespace ContentSync.Tests.Http;

/// <summary>The API description as served; responses are checked against it.</summary>
internal static class ApiDescription
{
    public static JsonElement Document { get; } = Read();

    /// <summary>The operation of a route; fails if it is not described.</summary>
    public static JsonElement Operation(ApiRoute route)
    {
        Assert.True(Document.GetProperty("paths").TryGetProperty(route.Path, out var path), $"{route.Path} is not described.");
        Assert.True(path.TryGetProperty(Lower(route.Method), out var operation), $"{route.Method} {route.Path} is not described.");
        return operation;
    }

    /// <summary>Pages are for browsers and are not described.</summary>
    public static bool IsDescribed(ApiRoute route) => route.Description is not null;

    /// <summary>Fails if the status, media type or JSON of a response is not described.</summary>
    public static void Check(ApiRoute route, int status, string? contentType, string text)
    {
        if (!IsDescribed(route)) return;
        var responses = Operation(route).GetProperty("responses");
        var isDescribed = responses.TryGetProperty(status.ToString(CultureInfo.InvariantCulture), out var response);
        Assert.True(isDescribed, $"{route.Name} returns {status}, which is not described: {text}");
        response = Resolve(response);
        if (text.Length == 0) return;
        var mediaType = contentType!.Split(';')[0];
        Assert.True(
            response.GetProperty("content").TryGetProperty(mediaType, out var content),
            $"{route.Name} returns {status} as {mediaType}, which is not described.");
        if (mediaType.EndsWith("json", StringComparison.Ordinal) && !mediaType.EndsWith("ndjson", StringComparison.Ordinal))
            CheckJson(content.GetProperty("schema"), JsonDocument.Parse(text).RootElement, route.Name);
    }

    public static JsonElement Resolve(JsonElement element)
    {
        if (!element.TryGetProperty("$ref", out var reference)) return element;
        return reference.GetString()!.Split('/').Skip(1).Aggregate(Document, (at, name) => at.GetProperty(name));
    }

    /// <summary>Fails if a member or element is not described, or its type or value is not among the described ones.</summary>
    public static void CheckJson(JsonElement schema, JsonElement value, string at)
    {
        schema = Resolve(schema);
        if (schema.TryGetProperty("oneOf", out var forms)) schema = forms.EnumerateArray().Select(Resolve).First(form => HasRequired(form, value));
        Assert.True(Types(schema).Contains(TypeOf(value)) || IsInteger(schema, value), $"{at} is {value}, which is not of the described type.");
        Assert.True(
            !schema.TryGetProperty("enum", out var values) || values.EnumerateArray().Any(allowed => JsonElement.DeepEquals(allowed, value)),
            $"{at} is {value}, which is not described.");
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray()) CheckJson(schema.GetProperty("items"), item, at + "[]");
        }

        if (value.ValueKind != JsonValueKind.Object) return;
        if (schema.TryGetProperty("additionalProperties", out var other))
        {
            foreach (var member in value.EnumerateObject()) CheckJson(other, member.Value, $"{at}/{member.Name}");
        }

        if (!schema.TryGetProperty("properties", out var properties)) return;
        foreach (var member in value.EnumerateObject())
        {
            Assert.True(properties.TryGetProperty(member.Name, out var described), $"{at}/{member.Name} is not described.");
            CheckJson(described, member.Value, $"{at}/{member.Name}");
        }

        if (!schema.TryGetProperty("required", out var requiredMembers)) return;
        foreach (var required in requiredMembers.EnumerateArray())
            Assert.True(value.TryGetProperty(required.GetString()!, out _), $"{at}/{required} is missing.");
    }

    private static IEnumerable<string?> Types(JsonElement schema)
    {
        var types = schema.GetProperty("type");
        return types.ValueKind == JsonValueKind.Array ? types.EnumerateArray().Select(type => type.GetString()) : [types.GetString()];
    }

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        var kind => Lower(kind.ToString()),
    };

    private static bool IsInteger(JsonElement schema, JsonElement value) =>
        Types(schema).Contains("integer") && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _);

    private static bool HasRequired(JsonElement schema, JsonElement value) =>
        schema.GetProperty("required").EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _));

    private static JsonElement Read()
    {
        using var stream = typeof(PageFilesHandler).Assembly.GetManifestResourceStream("ContentSync.Http.Pages.openapi.json")!;
        return JsonDocument.Parse(stream).RootElement.Clone();
    }

    public static string Lower(string method) => string.Create(method.Length, method, (span, text) => text.AsSpan().ToLowerInvariant(span));
}
