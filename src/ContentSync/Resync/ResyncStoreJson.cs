using System.Text.Json.Serialization;

namespace ContentSync.Resync;

/// <summary>The stored form of runs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ResyncHistory))]
public sealed partial class ResyncStoreJson : JsonSerializerContext;
