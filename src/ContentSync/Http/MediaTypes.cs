using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace ContentSync.Http;

/// <summary>The accepted media types, all in UTF-8.</summary>
internal static class MediaTypes
{
    /// <summary>application/json, or a type with the suffix +json.</summary>
    public static bool IsJson(string? contentType) =>
        contentType == "application/json"
        || (Utf8(contentType) is { } type && (Is(type.MediaType, "application/json") || Is(type.Suffix, "json")));

    /// <summary>application/json, application/x-ndjson or application/jsonl.</summary>
    public static bool IsBatch(string? contentType) =>
        Utf8(contentType) is { } type
        && (Is(type.MediaType, "application/json") || Is(type.MediaType, "application/x-ndjson") || Is(type.MediaType, "application/jsonl"));

    private static MediaTypeHeaderValue? Utf8(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && (!type.Charset.HasValue || Is(HeaderUtilities.RemoveQuotes(type.Charset), "utf-8")) ? type : null;

    private static bool Is(StringSegment value, string name) => value.Equals(name, StringComparison.OrdinalIgnoreCase);
}
