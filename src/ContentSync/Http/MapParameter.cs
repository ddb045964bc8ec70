using ContentSync.Http.Description;
using ContentSync.Mapping;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>The query parameter <c>map</c>: the mapping that makes items of a body in another form.</summary>
internal static class MapParameter
{
    public const string Name = "map";

    public const string Title = "The mapping cannot be used.";

    public static readonly ParameterDescription Description = ParameterDescription.Query(
        Name,
        "Name of the mapping that makes items of the body, which then may have any form that the mapping describes: google.tsv for "
        + "google.tsv.mapping.json, beside the catalog in the cloud (mappings/), in the folder --mappings on one machine.");

    /// <summary>The name that a request gives; null if it gives none.</summary>
    public static string? Of(HttpRequest request) => request.Query.TryGetValue(Name, out var values) ? values.ToString() : null;

    /// <summary>Detail of the response when the mapping itself is at fault, which the app's operator can correct and the caller cannot.</summary>
    /// <param name="e">A <see cref="MappingException"/> or an <see cref="IOException"/>.</param>
    public static string DetailOf(Exception e) => $"{e.Message} Send the request again when this is corrected.";
}
