using System.Text.Json.Serialization;

namespace ContentSync.Resync;

/// <summary>How runs are written down.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ResyncHistory))]
public sealed partial class ResyncStoreJson : JsonSerializerContext;
