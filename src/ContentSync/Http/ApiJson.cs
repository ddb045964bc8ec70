using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Http.Board;

namespace ContentSync.Http;

/// <summary>How the API writes JSON: in camel case, without null members.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContentState))]
[JsonSerializable(typeof(ContentPage))]
[JsonSerializable(typeof(ContentPreview))]
[JsonSerializable(typeof(HealthState))]
[JsonSerializable(typeof(NotificationsState))]
[JsonSerializable(typeof(SendingState))]
[JsonSerializable(typeof(PauseRequest))]
[JsonSerializable(typeof(ResumeRequest))]
[JsonSerializable(typeof(SendRateRequest))]
[JsonSerializable(typeof(ProblemError[]))]
[JsonSerializable(typeof(DeadLetterList))]
[JsonSerializable(typeof(DeadLetterState))]
[JsonSerializable(typeof(DeadLetterRequest))]
[JsonSerializable(typeof(DeadLetterResponse))]
[JsonSerializable(typeof(BatchResult))]
[JsonSerializable(typeof(BatchItemResult[]))]
[JsonSerializable(typeof(ReplayRequest))]
[JsonSerializable(typeof(ReplayResponse))]
[JsonSerializable(typeof(ImportResult))]
[JsonSerializable(typeof(LedgerSize))]
[JsonSerializable(typeof(BoardState))]
[JsonSerializable(typeof(TrendsState))]
[JsonSerializable(typeof(ResyncRequest))]
[JsonSerializable(typeof(ResyncState))]
[JsonSerializable(typeof(ResyncList))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>
    /// For writing. Leaves non-Latin scripts and HTML characters unescaped, which is safe: responses are served as JSON with nosniff, so
    /// no browser renders them as a page.
    /// </summary>
    public static ApiJson Responses { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>For reading. Rejects unknown and duplicate members and names them.</summary>
    public static ApiJson Strict { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    });
}
