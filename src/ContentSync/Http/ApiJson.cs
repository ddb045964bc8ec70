using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Http;

/// <summary>How the API writes JSON: camel case, absent members left out.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContentState))]
[JsonSerializable(typeof(ContentPage))]
[JsonSerializable(typeof(ContentPreview))]
[JsonSerializable(typeof(HealthState))]
[JsonSerializable(typeof(ProblemError[]))]
[JsonSerializable(typeof(BatchResult))]
[JsonSerializable(typeof(BatchItemResult[]))]
[JsonSerializable(typeof(ReplayRequest))]
[JsonSerializable(typeof(ReplayResult))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>For reading: a member that is not known or is there twice is a fault, named with its place.</summary>
    public static ApiJson Strict { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    });
}
