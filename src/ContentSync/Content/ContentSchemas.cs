using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using NJsonSchema;

namespace ContentSync.Content;

/// <summary>
/// The JSON Schemas that contentInfo is held against, one per content type. JSON Schema draft 4 to 7 as far as NJsonSchema knows it;
/// a file that uses a keyword which would be passed over in silence is refused. Schemas are trusted: their patterns run as .NET
/// regular expressions without time limit. Thread-safe.
/// </summary>
public sealed class ContentSchemas
{
    private readonly Dictionary<string, JsonSchema> _schemas;

    private ContentSchemas(Dictionary<string, JsonSchema> schemas) => _schemas = schemas;

    /// <summary>The content types that have a schema.</summary>
    public IReadOnlyCollection<string> ContentTypes => _schemas.Keys;

    /// <summary>Loads <c>{contentType}.schema.json</c> for each configured type from <see cref="ContentOptions.SchemaDirectory"/>. A type without a file has no schema; without a directory there is none at all.</summary>
    /// <exception cref="ContentSchemaException">The directory does not exist, or a file cannot be read or is no usable schema.</exception>
    public static async Task<ContentSchemas> LoadAsync(ContentOptions options, CancellationToken cancellationToken)
    {
        var schemas = new Dictionary<string, JsonSchema>(StringComparer.Ordinal);
        if (string.IsNullOrEmpty(options.SchemaDirectory)) return new ContentSchemas(schemas);
        if (!Directory.Exists(options.SchemaDirectory))
            throw new ContentSchemaException($"The schema directory '{options.SchemaDirectory}' does not exist; make it, or leave SchemaDirectory empty.");

        foreach (var contentType in options.ContentTypes)
        {
            if (contentType.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || contentType.Contains('\\', StringComparison.Ordinal)) continue;
            var file = Path.Combine(options.SchemaDirectory, contentType + ".schema.json");
            if (File.Exists(file)) schemas[contentType] = await ContentSchemaFile.LoadAsync(file, cancellationToken).ConfigureAwait(false);
        }

        return new ContentSchemas(schemas);
    }

    /// <summary>Adds one violation for each broken rule.</summary>
    /// <param name="contentType">Whose schema applies; nothing is checked where it has none.</param>
    /// <param name="contentInfo">One sound JSON object in UTF-8.</param>
    /// <param name="violations">Where they go.</param>
    internal void Check(string contentType, ReadOnlySpan<byte> contentInfo, ViolationList violations)
    {
        if (!_schemas.TryGetValue(contentType, out var schema)) return;
        try
        {
            foreach (var error in schema.Validate(Parse(contentInfo)))
                SchemaViolation.Report(error, violations);
        }
        catch (Exception unexpected) when (unexpected is JsonException or ArithmeticException or FormatException or InvalidCastException)
        {
            // A number beyond what the schema library can hold, for one.
            violations.Add("/contentInfo", ViolationCodes.Schema, $"contentInfo cannot be checked against the schema of {contentType}: {Excerpt.Of(unexpected.Message, maxCharacters: 240)}");
        }
    }

    private static JToken Parse(ReadOnlySpan<byte> contentInfo)
    {
        using var reader = new JsonTextReader(new StringReader(Encoding.UTF8.GetString(contentInfo)))
        {
            DateParseHandling = DateParseHandling.None,
            MaxDepth = null,
        };
        return JToken.ReadFrom(reader);
    }
}
