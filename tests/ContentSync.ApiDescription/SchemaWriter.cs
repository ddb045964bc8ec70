using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using ContentSync.Http;
using ContentSync.Http.Description;

namespace ContentSync.ApiDescription;

/// <summary>
/// JSON schemas of types as the API's serializer writes them. Each class becomes a component with its own name, less the suffix Body.
/// Descriptions are the types' documentation comments; values and ranges are those of their attributes.
/// </summary>
internal sealed class SchemaWriter
{
    private const string Suffix = "Body";

    private readonly JsonSerializerOptions _json = new(ApiJson.Responses.Options)
    {
        // Bodies that are only described have no generated metadata.
        TypeInfoResolver = JsonTypeInfoResolver.Combine(ApiJson.Responses, new DefaultJsonTypeInfoResolver()),
    };

    private readonly JsonSchemaExporterOptions _exporter;
    private readonly XmlDocumentation _documentation = XmlDocumentation.Of(typeof(ApiRoutes).Assembly);
    private readonly SortedDictionary<string, JsonNode> _components = new(StringComparer.Ordinal);
    private readonly Queue<Type> _referenced = new();
    private Type? _component;

    public SchemaWriter() =>
        _exporter = new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform };

    /// <summary>The schema of a type; a reference if it is a class.</summary>
    public JsonNode Of(Type type) => _json.GetTypeInfo(type).GetJsonSchemaAsNode(_exporter);

    /// <summary>Every class referenced so far, and those that they reference.</summary>
    public JsonObject Components()
    {
        while (_referenced.TryDequeue(out var type))
        {
            if (_components.ContainsKey(Name(type))) continue;
            _component = type;
            _components[Name(type)] = Of(type);
            _component = null;
        }

        return new JsonObject(_components!);
    }

    private JsonObject Transform(JsonSchemaExporterContext context, JsonNode exported)
    {
        var type = context.TypeInfo.Type;
        var isComponent = context.Path.IsEmpty && type == _component;
        var schema = context.TypeInfo switch
        {
            { Kind: JsonTypeInfoKind.Object } when !isComponent => Reference(type),
            { Type.IsEnum: true } => new JsonObject { ["type"] = "string", ["enum"] = Values(EnumNames(type)) },
            _ => exported as JsonObject ?? [],
        };
        WithoutNull(schema);
        if (isComponent) Describe(context.TypeInfo, schema);
        else if (context.PropertyInfo is { } property) Describe(property, schema);
        return schema;
    }

    // Null members are not written, so a member is absent rather than null.
    private static void WithoutNull(JsonObject schema)
    {
        if (schema["type"] is JsonArray types)
            schema["type"] = types.Select(type => type!.GetValue<string>()).Single(type => type != "null");
        if (schema.TryGetPropertyValue("default", out var value) && value is null) schema.Remove("default");
    }

    private void Describe(JsonTypeInfo type, JsonObject schema)
    {
        schema.Remove("required");
        var required = type.Properties.Where(IsAlwaysThere).Select(property => property.Name).ToArray();
        if (required.Length > 0) schema["required"] = Values(required);
        schema.Insert(1, "description", _documentation.Summary(type.Type));
    }

    private void Describe(JsonPropertyInfo property, JsonObject schema)
    {
        var member = (PropertyInfo)property.AttributeProvider!;
        if (member.GetCustomAttribute<JsonTypesAttribute>() is { } types) schema["type"] = Values(types.Names);
        var names = member.GetCustomAttribute<EnumDataTypeAttribute>() is { } enumeration ? EnumNames(enumeration.EnumType) : [];
        object?[] values = [.. names, .. member.GetCustomAttribute<AllowedValuesAttribute>()?.Values ?? []];
        if (values is [var only]) schema["const"] = JsonSerializer.SerializeToNode(only);
        else if (values.Length > 0) schema["enum"] = Values(values);
        if (member.GetCustomAttribute<DataTypeAttribute>() is { DataType: DataType.DateTime }) schema["format"] = "date-time";
        if (member.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            schema[range.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = JsonSerializer.SerializeToNode(range.Minimum);
            schema[range.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = JsonSerializer.SerializeToNode(range.Maximum);
        }

        schema["description"] = _documentation.Summary(member);
    }

    // Responses write every member that is not null; requests may leave out what has a default.
    private static bool IsAlwaysThere(JsonPropertyInfo property) =>
        !property.IsGetNullable
        && Nullable.GetUnderlyingType(property.PropertyType) is null
        && property.AssociatedParameter is not { HasDefaultValue: true };

    private JsonObject Reference(Type type)
    {
        _referenced.Enqueue(type);
        return new JsonObject { ["$ref"] = $"#/components/schemas/{Name(type)}" };
    }

    private static string Name(Type type) => type.Name.EndsWith(Suffix, StringComparison.Ordinal) ? type.Name[..^Suffix.Length] : type.Name;

    // As EnumText spells them.
    private static IEnumerable<string> EnumNames(Type type) => Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName);

    private static JsonArray Values(IEnumerable<object?> values) => new([.. values.Select(value => JsonSerializer.SerializeToNode(value))]);
}
