using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary>What a sync came to. The counts from <see cref="Invalid"/> to <see cref="Pending"/> add up to <see cref="Read"/>.</summary>
public sealed record SyncSummary
{
    public required long Read { get; init; }

    public required long Invalid { get; init; }

    public required long Synchronized { get; init; }

    public required long Unchanged { get; init; }

    public required long Superseded { get; init; }

    public required long Rejected { get; init; }

    [JsonPropertyName("deadLettered")]
    public required long Parked { get; init; }

    public required long Pending { get; init; }

    /// <summary>Signatures made.</summary>
    public required long Signatures { get; init; }

    /// <summary>Calls sent, quick retries included.</summary>
    [JsonPropertyName("partnerCalls")]
    public required long AlipayHkCalls { get; init; }

    public required double ElapsedSeconds { get; init; }

    /// <summary>Why it ended before the end of the catalog or of the work; null where it did not.</summary>
    [JsonIgnore]
    public string? StoppedBecause { get; init; }

    /// <summary>The catalog itself could not be read to its end.</summary>
    [JsonIgnore]
    public bool Unreadable { get; init; }

    /// <summary>The first of the items that did not end well.</summary>
    [JsonIgnore]
    public IReadOnlyList<SyncIssue> Issues { get; init; } = [];

    [JsonIgnore]
    public int ExitCode =>
        Unreadable ? ExitCodes.Unusable
        : StoppedBecause is not null || Pending > 0 ? ExitCodes.Stopped
        : Invalid + Rejected + Parked > 0 ? ExitCodes.SomeFailed
        : ExitCodes.Done;

    public string ToJson() => JsonSerializer.Serialize(this, SummaryJson.Default.SyncSummary);
}

/// <summary>How summaries and reports are written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SyncSummary))]
[JsonSerializable(typeof(SyncIssue))]
internal sealed partial class SummaryJson : JsonSerializerContext
{
    /// <summary>Text stays readable: Chinese is not written as escapes.</summary>
    public static SummaryJson Relaxed { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter<SyncIssueKind>(JsonNamingPolicy.CamelCase) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
