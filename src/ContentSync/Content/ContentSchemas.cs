using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using NJsonSchema;

namespace ContentSync.Content;

/// <summary>
/// The JSON Schemas for contentInfo, one per content type. Supports JSON Schema draft 4 to 7 as far as NJsonSchema does; files with
/// keywords that it silently ignores are refused. Schemas are trusted: their patterns run as .NET regular expressions without a
/// timeout. Thread-safe.
/// </summary>
public sealed class ContentSchemas
{
    private readonly Dictionary<string, JsonSchema> _schemas;

    private ContentSchemas(Dictionary<string, JsonSchema> schemas) => _schemas = schemas;

    /// <summary>The content types that have a schema.</summary>
    public IReadOnlyCollection<string> ContentTypes => _schemas.Keys;

    /// <summary>
    /// Loads <c>{contentType}.schema.json</c> from <see cref="ContentOptions.SchemaDirectory"/> for each configured type that has a
    /// file. Loads nothing if no folder is set.
    /// </summary>
    /// <exception cref="ContentSchemaException">The folder does not exist, or a file cannot be read or is not a usable schema.</exception>
    public static async Task<ContentSchemas> LoadAsync(ContentOptions options, CancellationToken cancellationToken)
    {
        var schemas = new Dictionary<string, JsonSchema>(StringComparer.Ordinal);
        if (string.IsNullOrEmpty(options.SchemaDirectory)) return new ContentSchemas(schemas);
        if (!Directory.Exists(options.SchemaDirectory))
        {
            throw new ContentSchemaException(
                $"The schema folder '{options.SchemaDirectory}' does not exist. Create it, or leave SchemaDirectory empty.");
        }

        foreach (var contentType in options.ContentTypes)
        {
            if (!IsFileName(contentType)) continue;
            var file = Path.Combine(options.SchemaDirectory, contentType + ".schema.json");
            if (File.Exists(file)) schemas[contentType] = await ContentSchemaFile.LoadAsync(file, cancellationToken).ConfigureAwait(false);
        }

        return new ContentSchemas(schemas);
    }

    /// <summary>Adds one violation for each broken rule; nothing if the content type has no schema.</summary>
    /// <param name="contentType">Selects the schema.</param>
    /// <param name="contentInfo">A valid JSON object in UTF-8.</param>
    /// <param name="violations">Receives the violations.</param>
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
            // For example, a number that is too large for the schema library.
            var reason = Excerpt.Of(unexpected.Message, maxCharacters: 240);
            violations.Add(
                "/contentInfo",
                ViolationCodes.Schema,
                $"contentInfo cannot be checked against the schema of {contentType}: {reason}");
        }
    }

    private static bool IsFileName(string contentType) =>
        contentType.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) < 0 && !contentType.Contains('\\', StringComparison.Ordinal);

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
