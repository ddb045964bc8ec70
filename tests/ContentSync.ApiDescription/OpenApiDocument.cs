using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ContentSync.Http;
using ContentSync.Http.Description;

namespace ContentSync.ApiDescription;

/// <summary>The API in OpenAPI 3.1, derived from <see cref="ApiRoutes"/>, the types of bodies and their documentation comments.</summary>
internal sealed partial class OpenApiDocument
{
    private const string KeyScheme = "key";
    private const string Json = "application/json";
    private const string ProblemJson = "application/problem+json";

    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly SchemaWriter _schemas = new();
    private readonly SortedDictionary<string, JsonNode> _sharedResponses = new(StringComparer.Ordinal);

    private OpenApiDocument()
    {
    }

    /// <summary>What to do if the committed description differs.</summary>
    public const string Outdated =
        "src/ContentSync/Http/Pages/openapi.json differs from the routes and types. Write it again and review the difference:\n"
        + "  dotnet run --project tests/ContentSync.ApiDescription";

    /// <summary>The committed description.</summary>
    public static string File { get; } = Path.GetFullPath(Path.Combine(SourceFolder(), "../../src/ContentSync/Http/Pages/openapi.json"));

    public static string Committed() => System.IO.File.ReadAllText(File).ReplaceLineEndings("\n");

    /// <summary>The description as text, with a line feed at the end.</summary>
    /// <exception cref="InvalidOperationException">A route, parameter or member lacks its description.</exception>
    public static string Create() => new OpenApiDocument().Document().ToJsonString(Readable) + "\n";

    private JsonObject Document()
    {
        var paths = new JsonObject();
        foreach (var route in ApiRoutes.All)
        {
            if (route.Description is not { } description) continue;
            if (paths[route.Path] is not JsonObject path) paths[route.Path] = path = [];
            path[Lower(route.Method)] = Operation(route, description);
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "ContentSync",
                ["version"] = "1",
                ["description"] =
                    "Keeps a catalog in sync with AlipayHK. An accepted item is never lost: it ends synchronized, superseded by a newer revision, "
                    + "or parked with a reason that a person can read before replaying it. Invalid input gets problem details (RFC 9457) that say "
                    + "what is wrong and what would be right.",
            },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject
                {
                    [KeyScheme] = new JsonObject
                    {
                        ["type"] = "apiKey",
                        ["in"] = "header",
                        ["name"] = "x-functions-key",
                        ["description"] = "The function key. On the local host, the value of --api-key; none is needed if it is not set.",
                    },
                },
                ["responses"] = new JsonObject(_sharedResponses!),
                ["schemas"] = _schemas.Components(),
            },
        };
    }

    private JsonObject Operation(ApiRoute route, OperationDescription description)
    {
        var operation = new JsonObject
        {
            ["operationId"] = route.Name,
            ["summary"] = description.Summary,
            ["description"] = description.Text,
            ["security"] = route.Access == ApiAccess.Key ? new JsonArray(new JsonObject { [KeyScheme] = new JsonArray() }) : [],
        };
        RequireSamePathParameters(route, description);
        if (description.Parameters.Count > 0) operation["parameters"] = new JsonArray([.. description.Parameters.Select(Parameter)]);
        if (description.Bodies.Count > 0) operation["requestBody"] = RequestBody(description);
        operation["responses"] = Responses(route, description);
        return operation;
    }

    private static void RequireSamePathParameters(ApiRoute route, OperationDescription description)
    {
        var inTemplate = PathParameter().Matches(route.Path).Select(match => match.Groups[1].Value);
        var described = description.Parameters.Where(parameter => parameter.Place == ParameterPlace.Path).Select(parameter => parameter.Name);
        if (!inTemplate.SequenceEqual(described))
            throw new InvalidOperationException($"{route.Name}: the path parameters of {route.Path} and of its description differ.");
    }

    private JsonObject Parameter(ParameterDescription parameter)
    {
        var schema = _schemas.Of(parameter.Type).AsObject();
        if (parameter.Minimum is { } minimum) schema["minimum"] = minimum;
        if (parameter.Maximum is { } maximum) schema["maximum"] = maximum;
        if (parameter.Default is { } value) schema["default"] = value;
        var json = new JsonObject { ["name"] = parameter.Name, ["in"] = Lower(parameter.Place.ToString()) };
        if (parameter.IsRequired) json["required"] = true;
        json["description"] = parameter.Text;
        json["schema"] = schema;
        return json;
    }

    private JsonObject RequestBody(OperationDescription description)
    {
        var content = new JsonObject();
        foreach (var body in description.Bodies)
        {
            content[body.MediaType] = new JsonObject
            {
                ["schema"] = _schemas.Of(body.Type),
                ["example"] = body.Type == typeof(string) ? body.Example : JsonNode.Parse(body.Example),
            };
        }

        return new JsonObject { ["required"] = description.IsBodyRequired, ["content"] = content };
    }

    private JsonObject Responses(ApiRoute route, OperationDescription description)
    {
        var all = route.Access == ApiAccess.Key ? description.Responses.Append(ResponseDescriptions.Unauthorized) : description.Responses;
        var responses = new JsonObject();
        foreach (var response in all.OrderBy(response => response.Status))
            responses[response.Status.ToString(CultureInfo.InvariantCulture)] = Response(response);
        return responses;
    }

    private JsonObject Response(ResponseDescription response)
    {
        var json = new JsonObject { ["description"] = response.Text };
        if (response.Body is { } type)
        {
            var mediaType = response.MediaType ?? (type.IsAssignableTo(typeof(ProblemBody)) ? ProblemJson : Json);
            json["content"] = new JsonObject { [mediaType] = new JsonObject { ["schema"] = Schema(type, response.Alternative) } };
        }

        if (response.SharedName is not { } name) return json;
        _sharedResponses[name] = json;
        return new JsonObject { ["$ref"] = $"#/components/responses/{name}" };
    }

    private JsonNode Schema(Type type, Type? alternative) =>
        alternative is null ? _schemas.Of(type) : new JsonObject { ["oneOf"] = new JsonArray(_schemas.Of(type), _schemas.Of(alternative)) };

    private static string Lower(string text) => string.Create(text.Length, text, (span, name) => name.AsSpan().ToLowerInvariant(span));

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex PathParameter();
}
