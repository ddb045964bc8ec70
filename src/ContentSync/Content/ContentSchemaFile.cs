using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using NJsonSchema;
using NJsonSchema.References;

namespace ContentSync.Content;

/// <summary>Loads a schema file and refuses keywords that would not be enforced as written.</summary>
internal static class ContentSchemaFile
{
    // NJsonSchema silently ignores these keywords, so a schema that relies on one would accept what it forbids.
    private static readonly HashSet<string> Unsupported = new(StringComparer.Ordinal)
    {
        "const", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames", "dependencies", "dependentRequired",
        "dependentSchemas", "prefixItems", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef",
    };

    private static readonly HashSet<string> MapsOfSchemas =
        new(StringComparer.Ordinal) { "properties", "patternProperties", "definitions", "$defs" };

    private static readonly HashSet<string> Types =
        new(StringComparer.Ordinal) { "array", "boolean", "integer", "null", "number", "object", "string" };

    private static readonly HashSet<string> Values = new(StringComparer.Ordinal) { "enum", "default", "example", "examples" };

    public static async Task<JsonSchema> LoadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            var json = await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false);
            if (json.AsSpan().StartsWith(Encoding.UTF8.Preamble)) json = json[Encoding.UTF8.Preamble.Length..];
            using (var document = JsonDocument.Parse(json)) CheckSchema(document.RootElement, "", file);
            return await JsonSchema
                .FromJsonAsync(Encoding.UTF8.GetString(json), null, LocalReferences.Factory, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or ContentSchemaException))
        {
            throw new ContentSchemaException($"The schema file '{file}' cannot be used: {fault.Message}", fault);
        }
    }

    private static void CheckSchema(JsonElement schema, string pointer, string file)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False && pointer.Length > 0) return;
        if (schema.ValueKind != JsonValueKind.Object) throw Fault(file, pointer, "a schema must be a JSON object");
        foreach (var keyword in schema.EnumerateObject())
        {
            var at = JsonPointer.Of(pointer, keyword.Name);
            if (Unsupported.Contains(keyword.Name))
            {
                throw Fault(file, at, $"the keyword '{keyword.Name}' is not supported; use enum, required, anyOf or additionalProperties instead");
            }

            if (keyword.Name == "$ref") CheckReference(keyword.Value, at, file);
            else if (keyword.Name == "type") CheckType(keyword.Value, at, file);
            else if (keyword.Name == "enum") CheckEnum(keyword.Value, at, file);
            else if (keyword.Name == "pattern") CheckPattern(keyword.Value.GetString(), at, file);
            else if (MapsOfSchemas.Contains(keyword.Name)) CheckMap(keyword, at, file);
            else if (keyword.Value.ValueKind == JsonValueKind.Object && !Values.Contains(keyword.Name)) CheckSchema(keyword.Value, at, file);
            else if (keyword.Name is "allOf" or "anyOf" or "oneOf" or "items") CheckList(keyword.Value, at, file);
        }
    }

    private static void CheckMap(JsonProperty map, string pointer, string file)
    {
        if (map.Value.ValueKind != JsonValueKind.Object) throw Fault(file, pointer, $"'{map.Name}' must be a JSON object");
        foreach (var entry in map.Value.EnumerateObject())
        {
            var at = JsonPointer.Of(pointer, entry.Name);
            if (map.Name == "patternProperties") CheckPattern(entry.Name, at, file);
            CheckSchema(entry.Value, at, file);
        }
    }

    private static void CheckList(JsonElement list, string pointer, string file)
    {
        if (list.ValueKind != JsonValueKind.Array) return;
        var index = 0;
        foreach (var schema in list.EnumerateArray()) CheckSchema(schema, $"{pointer}/{index++}", file);
    }

    private static void CheckType(JsonElement type, string pointer, string file)
    {
        IEnumerable<JsonElement> types = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray() : [type];
        foreach (var one in types)
        {
            if (one.ValueKind != JsonValueKind.String || !Types.Contains(one.GetString()!))
            {
                throw Fault(file, pointer, $"there is no type {one}");
            }
        }
    }

    // NJsonSchema parses a string like this as a time, which then never equals any string.
    private static void CheckEnum(JsonElement values, string pointer, string file)
    {
        if (values.ValueKind != JsonValueKind.Array) throw Fault(file, pointer, "an enum must be an array");
        foreach (var value in values.EnumerateArray())
        {
            if (value.ValueKind != JsonValueKind.String || value.GetString() is not { } text) continue;
            if ((text.Length >= 19 && text[10] == 'T' && char.IsAsciiDigit(text[0])) || text.StartsWith("/Date(", StringComparison.Ordinal))
                throw Fault(file, pointer, $"a date and time in an enum ({text}) is not supported; use a pattern");
        }
    }

    private static void CheckReference(JsonElement reference, string pointer, string file)
    {
        var target = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : "";
        if (target == "#" || target.StartsWith("#/", StringComparison.Ordinal)) return;
        throw Fault(file, pointer, $"$ref '{reference}' is refused: only references within the file ('#/...') are allowed");
    }

    private static void CheckPattern(string? pattern, string pointer, string file)
    {
        try
        {
            _ = new Regex(pattern ?? "");
        }
        catch (ArgumentException fault)
        {
            throw Fault(file, pointer, $"the pattern is not a regular expression: {fault.Message}");
        }
    }

    private static ContentSchemaException Fault(string file, string pointer, string problem) =>
        new($"The schema file '{file}' cannot be used: at '{pointer}', {problem}.");

    /// <summary>Backs up <see cref="CheckReference"/>: keeps NJsonSchema from opening files and URLs.</summary>
    private sealed class LocalReferences(JsonSchemaAppender appender) : JsonReferenceResolver(appender)
    {
        public static LocalReferences Factory(JsonSchema schema) => new(new JsonSchemaAppender(schema, new DefaultTypeNameGenerator()));

        public override Task<IJsonReference> ResolveFileReferenceAsync(string filePath, CancellationToken cancellationToken = default) =>
            throw Refused(filePath);

        public override Task<IJsonReference> ResolveUrlReferenceAsync(string url, CancellationToken cancellationToken = default) =>
            throw Refused(url);

        private static NotSupportedException Refused(string target) => new($"the reference '{target}' is not allowed");
    }
}
