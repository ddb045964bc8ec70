using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// A version newer than the accepted one that failed validation. Until a version that covers it is accepted, the item is stale: AlipayHK
/// holds an older version than the caller meant.
/// </summary>
/// <param name="At">Since when the item is stale: the first refusal that no accepted version covers, by the store's clock.</param>
/// <param name="Version">The newest refused version.</param>
/// <param name="Code">Code of its first violation.</param>
/// <param name="Message">What is wrong with it; at most <see cref="MaxMessageLength"/> characters.</param>
public sealed record SyncRefusal(DateTimeOffset At, ChangeVersion Version, string Code, string Message)
{
    /// <summary>Longer messages are cut.</summary>
    public const int MaxMessageLength = 512;

    /// <summary>The stored form.</summary>
    public string ToText() => JsonSerializer.Serialize(this, SyncRefusalJson.Relaxed.SyncRefusal);

    /// <summary>Reads what <see cref="ToText"/> wrote; null for no text.</summary>
    public static SyncRefusal? Of(string? text) =>
        string.IsNullOrEmpty(text) ? null : JsonSerializer.Deserialize(text, SyncRefusalJson.Relaxed.SyncRefusal);
}

[JsonSerializable(typeof(SyncRefusal))]
internal sealed partial class SyncRefusalJson : JsonSerializerContext
{
    public static SyncRefusalJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        IgnoreReadOnlyProperties = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
