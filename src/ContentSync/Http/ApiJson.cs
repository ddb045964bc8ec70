using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Http.Board;

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
[JsonSerializable(typeof(ReplayResponse))]
[JsonSerializable(typeof(BoardState))]
[JsonSerializable(typeof(ResyncRequest))]
[JsonSerializable(typeof(ResyncState))]
[JsonSerializable(typeof(ResyncList))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>For writing: other scripts than Latin as they are. Answers are never taken for a page: their media type says so, and nosniff holds to it.</summary>
    public static ApiJson Responses { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>For reading: a member that is not known or is there twice is a fault, named with its place.</summary>
    public static ApiJson Strict { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    });
}
