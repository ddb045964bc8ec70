using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Diagnostics;

namespace ContentSync.Resync;

/// <summary>The stored form of runs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ResyncHistory))]
public sealed partial class ResyncStoreJson : JsonSerializerContext
{
    /// <summary>Reads the runs of one source, written by this or an earlier version.</summary>
    /// <param name="json">The stored bytes.</param>
    /// <param name="place">Where they are stored, as the subject of a sentence.</param>
    /// <param name="remedy">What to do about unreadable bytes, as a sentence.</param>
    /// <exception cref="IOException">The bytes are not runs, or a newer version wrote them.</exception>
    public static ResyncHistory? Read(ReadOnlyMemory<byte> json, string place, string remedy)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (StoredFormat.Fault(place, FormatOf(document.RootElement)) is { } fault) throw new IOException(fault);
            return document.RootElement.Deserialize(Default.ResyncHistory);
        }
        catch (JsonException e)
        {
            throw new IOException($"{place} holds no runs that this program can read. {remedy}", e);
        }
    }

    // Read before the rest, which a newer version may have written in a form that cannot be deserialized here.
    private static int? FormatOf(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object
        && root.TryGetProperty(JsonNamingPolicy.CamelCase.ConvertName(StoredFormat.Property), out var format)
        && format.ValueKind == JsonValueKind.Number
        && format.TryGetInt32(out var number)
            ? number
            : null;
}
