using System.Text.Json.Serialization;

namespace ContentSync.Http;

/// <summary>How the API writes JSON: camel case, absent members left out.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContentState))]
[JsonSerializable(typeof(HealthState))]
[JsonSerializable(typeof(ProblemError[]))]
[JsonSerializable(typeof(BatchResult))]
[JsonSerializable(typeof(BatchItemResult[]))]
internal sealed partial class ApiJson : JsonSerializerContext;
